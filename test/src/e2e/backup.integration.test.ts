import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { program, startCluster } from '../golden/cluster.ts';
import { clusterForTest, eventually, kubectlFor, lacking, run } from './tools.ts';

const pilothouse = async (...args: string[]) => run(process.execPath, [program, ...args]);

describe.skipIf(lacking({ commands: ['kubectl'] }))('backup and restore', () => {
  test('a cluster is backed up while it runs, and comes up elsewhere as it was then', async () => {
    const cluster = await clusterForTest({ store: 'lmdb', flags: ['--hollow-nodes', '1'] });
    const { dir } = cluster;
    const kubectl = kubectlFor(cluster.kubeconfig);
    await kubectl('create deployment web --image=nginx --replicas=2');
    await kubectl('rollout status deployment web --timeout=60s');
    await kubectl('create configmap before --from-literal=a=1');
    const seen = JSON.parse(await kubectl('get configmaps -o json'));

    const file = join(dir, 'backup.gz');
    const made = await pilothouse('backup', file, '--data-dir', join(dir, 'data'));
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const [, revision] = /as of revision (\d+) into/.exec(made.stdout)!;
    await kubectl('create configmap after --from-literal=a=1');
    const late = JSON.parse(await kubectl('get configmap after -o json')).metadata.resourceVersion;
    expect(Number(late)).toBeGreaterThan(Number(revision));

    const refused = await pilothouse('restore', file, '--data-dir', join(dir, 'data'));
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('is not empty')]);
    await cluster.stop();
    expect(await pilothouse('restore', file, '--data-dir', join(dir, 'elsewhere', 'data'))).toMatchObject({ code: 0, stderr: '' });

    const restored = await startCluster({ dir: join(dir, 'elsewhere'), store: 'lmdb', flags: ['--hollow-nodes', '1'] });
    try {
      const again = kubectlFor(restored.kubeconfig);
      const found = JSON.parse(await again('get configmaps -o json'));
      const data = (list: any) => list.items.filter((c: any) => c.metadata.name !== 'kube-root-ca.crt').map((c: any) => [c.metadata.name, c.metadata.uid, c.metadata.resourceVersion, c.data]);
      expect(data(found)).toEqual(data(seen));
      await eventually('the deployment', () => again('get deployment web -o jsonpath={.status.readyReplicas}'), (n) => n === '2');
      // Clients that had seen what is lost are told to list anew.
      expect(await again(`get --raw /api/v1/namespaces/default/configmaps?watch=true&resourceVersion=${late}`).catch(String)).toContain('too old resource version');
    } finally {
      await restored.stop();
    }

    // Damage that only the value's checksum shows is named at the start, too.
    const data = join(dir, 'elsewhere', 'data', 'store', 'data.mdb');
    const content = readFileSync(data);
    content.write('X', content.lastIndexOf('"name":"before"') + 8);
    writeFileSync(data, content);
    const damaged = await pilothouse('up', '--data-dir', join(dir, 'elsewhere', 'data'), '--secure-port', String(restored.port), '--kubeconfig', join(dir, 'k'), '--hollow-nodes', '1');
    expect(damaged.code).toBe(1);
    expect(damaged.stderr).toMatch(/^pilothouse: the value of revision \d+ in .* is damaged: restore it from a backup\n$/);
  }, 120_000);
});
