/** More than a server has room for: writes, connections, watches. */
import type { FaultContext, FaultReport, FaultSuite } from '../suite.ts';
import { connections, watches } from './crowds.ts';
import { flood } from './flood.ts';
import { call, LoadServer } from './server.ts';

/** How many connect, and watch, in a run of a minute or more; fewer where there is less time. */
const most = 5_000;
const few = 1_000;

async function run({ forMs }: FaultContext): Promise<FaultReport> {
  const server = new LoadServer(['--max-requests-inflight', '20', '--max-mutating-requests-inflight', '10']);
  const report: Required<FaultReport> = { tried: 0, findings: [], notes: [] };
  const many = forMs >= 30_000 ? most : few;
  try {
    await server.start();
    const admin = await server.session();
    await call(admin, 'admin', 'POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', { metadata: { name: 'crowd' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' }, subjects: [{ kind: 'User', name: 'crowd', apiGroup: 'rbac.authorization.k8s.io' }] });
    admin.destroy();
    for (const crowd of [watches, connections]) {
      const { note, findings } = await crowd(server, many);
      report.notes.push(note);
      report.findings.push(...findings);
      report.tried += many;
    }
    const { created, refused, unknown, findings } = await flood(server, Math.min(forMs / 3, 20_000));
    report.notes.push(`flood of creates: ${created} answered 201, all there afterwards, after kill -9 too; ${refused} answered 429; ${unknown} without an answer`);
    report.findings.push(...findings);
    report.tried += created + refused + unknown;
  } finally {
    await server.close();
  }
  return report;
}

export const loadFaults: FaultSuite = { name: 'load', run };
