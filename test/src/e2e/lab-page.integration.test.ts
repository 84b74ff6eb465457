import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser } from 'playwright-core';
import { launchBrowser, openPage, startLab } from './browser.ts';
import { clusterForTest, eventually, kubectlFor, lacking } from './tools.ts';

const missing = lacking({ commands: ['kubectl', 'chromium'] });

describe.skipIf(missing)('the lab in a browser', () => {
  let kubectl: ReturnType<typeof kubectlFor>;
  let lab: Awaited<ReturnType<typeof startLab>>;
  let browser: Browser;
  beforeAll(async () => {
    const cluster = await clusterForTest({ store: 'memory' });
    kubectl = kubectlFor(cluster.kubeconfig);
    lab = await startLab(cluster.kubeconfig);
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await lab?.stop();
  });

  test('shows nodes filling and pods that wait, as they change', async () => {
    const { page, complaints } = await openPage(browser, lab.origin);
    await page.goto(lab.url);
    await page.getByRole('region', { name: 'Cluster' }).getByText('hollow-node-2').first().waitFor();
    await kubectl('create deployment web --image=nginx --replicas=4');
    await kubectl(['run', 'big', '--image=nginx', '--overrides', JSON.stringify({ spec: { containers: [{ name: 'big', image: 'nginx', resources: { requests: { cpu: '100' } } }] } })]);
    await kubectl(['run', 'gated', '--image=nginx', '--overrides', JSON.stringify({ spec: { schedulingGates: [{ name: 'example.com/later' }], containers: [{ name: 'gated', image: 'nginx' }] } })]);
    await page.getByRole('region', { name: /^Unschedulable: 1/ }).getByText('big').waitFor();
    await page.getByRole('region', { name: /^Gated: 1/ }).getByRole('button', { name: /^gated/ }).waitFor();
    await expect.poll(() => page.locator('.block').count(), { timeout: 20_000 }).toBe(4);
    await kubectl('delete deployment web --wait=false');
    await expect.poll(() => page.locator('.block').count(), { timeout: 60_000 }).toBe(0);
    await kubectl('delete pod big gated --wait=false');
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('fits a phone, in dark and in light', async () => {
    for (const colorScheme of ['dark', 'light'] as const) {
      const { page } = await openPage(browser, lab.origin, { width: 390, height: 844, colorScheme });
      await page.goto(lab.url);
      await page.getByText('hollow-node-2').first().waitFor();
      const [width, paper] = await page.evaluate<[number, string]>('[document.documentElement.scrollWidth, getComputedStyle(document.body).backgroundColor]');
      expect(width).toBeLessThanOrEqual(390);
      const brightness = Number(/\d+/.exec(paper)![0]);
      expect(brightness > 128).toBe(colorScheme === 'light');
      await page.getByRole('button', { name: /^Colours/ }).click();
      expect(await page.evaluate('document.documentElement.dataset.theme')).toBe('dark');
      await page.close();
    }
  });

  test('is served compressed, by names that can be cached for ever, and nothing may be added to it', async () => {
    const html = await fetch(lab.url);
    expect(html.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
    expect(html.headers.get('cache-control')).toBe('no-cache');
    const script = /\/lab\/app-\w+\.js/.exec(await html.text())![0];
    const answer = await fetch(lab.origin + script, { headers: { 'accept-encoding': 'br' } });
    expect(answer.headers.get('content-encoding')).toBe('br');
    expect(answer.headers.get('cache-control')).toContain('immutable');
    expect((await fetch(lab.origin + script, { headers: { 'if-none-match': answer.headers.get('etag')! } })).status).toBe(304);
  });

  test('answers nobody but pages of its own', async () => {
    const ask = (headers: Record<string, string>, path = '/api/v1/nodes') => new Promise<number>((resolve, reject) => httpRequest(lab.origin + path, { headers }, (response) => { response.resume(); resolve(response.statusCode!); }).on('error', reject).end());
    expect(await ask({})).toBe(200);
    expect(await ask({ host: 'evil.example:80' })).toBe(403);
    expect(await ask({ origin: 'https://evil.example' })).toBe(403);
    expect(await ask({ 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await ask({}, '/api/v1/namespaces/default/pods/x/exec')).toBe(403);
    expect(await ask({}, '/metrics')).toBe(404);
    await eventually('the cluster is as before', () => kubectl('get nodes -o name'), (text) => text.split('\n').length === 3);
  });
});
