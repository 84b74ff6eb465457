import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser, openPage, scrubTo } from './browser.ts';
import { clusterForTest, eventually, kubectlFor, lacking } from './tools.ts';

const missing = lacking({ commands: ['kubectl', 'chromium', 'curl'] });

describe.skipIf(missing)('lessons, at /lab of the all-in-one', () => {
  let kubectl: ReturnType<typeof kubectlFor>;
  let browser: Browser;
  let link: string;
  let origin: string;
  beforeAll(async () => {
    const cluster = await clusterForTest({ store: 'memory' });
    kubectl = kubectlFor(cluster.kubeconfig);
    link = /https:\S+\/lab#token=\S+/.exec(cluster.output())![0];
    origin = new URL(link).origin;
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());
  const open = async (lesson: string, width?: number) => {
    const opened = await openPage(browser, origin, { width });
    await opened.page.goto(link);
    await opened.page.getByText('hollow-node-0').first().waitFor();
    await opened.page.evaluate(`location.hash = '#/lessons/${lesson}'`);
    const panel = opened.page.getByRole('region', { name: 'Lesson' });
    await panel.getByText('namespace').waitFor();
    const namespace = (await panel.locator('.where-am-i code').textContent())!;
    return { ...opened, panel, namespace };
  };
  const gone = (namespace: string) => eventually('everything of the lesson is gone', () => kubectl('get namespaces,nodes,priorityclasses,storageclasses,persistentvolumes,clusterroles -o name'), (text) => !text.includes(namespace), 60_000);

  test('the page takes the token out of the address, and says so when it has none', async () => {
    const { page } = await openPage(browser, origin);
    await page.goto(link);
    await page.getByText('hollow-node-0').first().waitFor();
    expect(page.url()).not.toContain('token');
    await page.close();
    const other = await openPage(browser, origin);
    await other.page.goto(`${origin}/lab`);
    await other.page.getByRole('heading', { name: 'A token is needed' }).waitFor();
    await other.page.getByLabel('Or paste a bearer token').fill('aaaaaa.aaaaaaaaaaaaaaaa');
    await other.page.getByRole('button', { name: 'Use this token' }).click();
    await other.page.getByRole('heading', { name: 'no longer valid' }).waitFor();
    await other.page.getByLabel('Or paste a bearer token').fill(link.split('token=')[1]);
    await other.page.getByRole('button', { name: 'Use this token' }).click();
    await other.page.getByText('hollow-node-0').first().waitFor();
    await other.page.close();
  });

  test('selectors: by hand with kubectl and by the page, then cleared away', async () => {
    const { page, panel, namespace } = await open('selectors');
    await panel.getByRole('button', { name: 'Create the pod plain' }).click();
    await panel.getByText(/Done: the pod plain/).waitFor();
    await panel.getByRole('button', { name: 'Next' }).click();
    await panel.getByRole('radio', { name: 'It stays pending' }).check();
    await panel.getByText('Yes.').waitFor();
    await panel.getByRole('button', { name: 'Create the pod fast' }).click();
    await panel.getByText(/Done: the pod fast was tried/).waitFor();
    await page.getByRole('region', { name: /^Unschedulable: 1/ }).getByRole('button', { name: /^fast/ }).waitFor();
    await panel.getByRole('button', { name: 'Next' }).click();
    await kubectl(['label', 'node', `${namespace}-b`, 'disk=ssd']);
    await panel.getByText(/Done: the pod fast is on node b/).waitFor();
    await page.reload();
    await page.getByRole('region', { name: 'Lesson' }).getByText(/Done: the pod fast is on node b/).waitFor();
    await panel.getByRole('button', { name: 'Next' }).click();
    await panel.getByRole('button', { name: 'Take the label off' }).click();
    await panel.getByText(/Done: node b has no label/).waitFor();
    await panel.getByRole('button', { name: 'Finish' }).click();
    await page.getByRole('heading', { name: 'Lessons' }).waitFor();
    await gone(namespace);
    await page.close();
  });

  test('preemption, on a phone: a victim leaves', async () => {
    const { page, panel, namespace } = await open('preemption', 390);
    await panel.getByText(/Done: the two batch jobs/).waitFor();
    await panel.getByRole('button', { name: 'Next' }).click();
    await panel.getByRole('button', { name: 'Create the pod urgent' }).click();
    await panel.getByText(/Done: the pod urgent runs on a/).waitFor();
    await panel.getByRole('button', { name: 'Next' }).click();
    await panel.getByText(/Done: two attempts of urgent/).waitFor();
    const attempt = page.getByRole('region', { name: 'Explanation' });
    await scrubTo(page, 'urgent', 1);
    await attempt.getByText(/batch-[12] has to leave a/).waitFor();
    await panel.getByRole('button', { name: 'Next' }).click();
    await panel.getByRole('button', { name: 'Create the pod polite' }).click();
    await panel.getByText(/Done: the pod polite is pending/).waitFor();
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    await panel.getByRole('button', { name: 'Start over' }).click();
    await gone(namespace);
    await panel.getByText(/Done: the two batch jobs/).waitFor();
    const second = (await panel.locator('.where-am-i code').textContent())!;
    // The page is closed in the middle of it, and its time runs out.
    await page.close();
    await kubectl(['-n', second, 'patch', 'lease', 'lesson', '--type=merge', '-p', '{"spec":{"renewTime":"2026-01-01T00:00:00.000000Z"}}']);
    await gone(second);
  });

  test('a learner\'s token reaches no further than lessons', async () => {
    const { page, namespace } = await open('gates');
    await eventually('the lesson\'s nodes', () => kubectl(['get', 'nodes', '-l', `lab.pilothouse.dev/lesson=${namespace}`, '-o', 'name']), (text) => text.split('\n').length === 2);
    const ask = async (method: string, path: string, body?: object) => page.evaluate<number>(`fetch(${JSON.stringify(path)}, { method: ${JSON.stringify(method)}, headers: { authorization: 'Bearer ' + sessionStorage.getItem('pilothouse-lab-token'), 'content-type': ${JSON.stringify(method === 'PATCH' ? 'application/merge-patch+json' : 'application/json')} }, body: ${body ? JSON.stringify(JSON.stringify(body)) : 'undefined'} }).then((r) => r.status)`);
    const pod = (spec: object) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'nginx' }], ...spec } });
    expect(await ask('GET', '/api/v1/secrets')).toBe(403);
    expect(await ask('PATCH', '/api/v1/nodes/hollow-node-0', { spec: { unschedulable: true } })).toBe(403);
    expect(await ask('PATCH', `/api/v1/nodes/${namespace}-a`, { spec: { unschedulable: true } })).toBe(200);
    expect(await ask('POST', '/api/v1/namespaces/default/pods', pod({}))).toBe(403);
    expect(await ask('POST', `/api/v1/namespaces/${namespace}/pods`, pod({ hostNetwork: true }))).toBe(403);
    expect(await ask('POST', `/api/v1/namespaces/${namespace}/pods`, pod({}))).toBe(201);
    expect(await ask('DELETE', '/api/v1/namespaces/kube-system')).toBe(403);
    expect(await ask('PATCH', `/api/v1/namespaces/${namespace}`, { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } } })).toBe(403);
    expect(await ask('DELETE', `/api/v1/namespaces/${namespace}`)).toBe(200);
    await gone(namespace);
    await page.close();
  });
});
