import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser, openPage, scrubTo, startLab } from './browser.ts';
import { clusterForTest, eventually, kubectlFor, lacking } from './tools.ts';

const missing = lacking({ commands: ['kubectl', 'chromium'] });

describe.skipIf(missing)('decisions, seen and questioned in a browser', () => {
  let kubectl: ReturnType<typeof kubectlFor>;
  let lab: Awaited<ReturnType<typeof startLab>>;
  let browser: Browser;
  beforeAll(async () => {
    const cluster = await clusterForTest({ store: 'memory' });
    kubectl = kubectlFor(cluster.kubeconfig);
    await kubectl('taint node hollow-node-0 dedicated=db:NoSchedule');
    lab = await startLab(cluster.kubeconfig);
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await lab?.stop();
  });
  const open = async () => {
    const opened = await openPage(browser, lab.origin);
    await opened.page.goto(lab.url);
    await opened.page.getByText('hollow-node-2').first().waitFor();
    return opened;
  };
  const pod = (name: string, spec: object) => kubectl(['run', name, '--image=nginx', '--overrides', JSON.stringify({ spec: { ...spec } })]);
  const wanting = (name: string, cpu: string) => ({ containers: [{ name, image: 'nginx', resources: { requests: { cpu } } }] });

  test('the newest attempt is shown as nodes by plugins; the slider goes through the extension points', async () => {
    const { page, complaints } = await open();
    await pod('one', wanting('one', '1'));
    const side = page.getByRole('region', { name: 'Explanation' });
    await side.getByRole('heading', { name: /one attempt 1 Scheduled/ }).waitFor();
    const grid = side.getByRole('grid');
    const slider = side.getByRole('slider', { name: 'Extension point' });
    await expect.poll(() => slider.getAttribute('aria-valuetext')).toBe('NormalizeScore');
    expect(await grid.locator('tr.chosen').count()).toBe(1);
    await slider.focus();
    for (let i = 0; i < 8 && (await slider.getAttribute('aria-valuetext')) !== 'Filter'; i++) await page.keyboard.press('ArrowLeft');
    expect(await slider.getAttribute('aria-valuetext')).toBe('Filter');
    await side.getByText('3 nodes: 2 can take the pod, 1 cannot (1 by TaintToleration).').waitFor();
    // The reason of a cell, by keyboard alone.
    const rejected = grid.getByRole('gridcell', { name: /preemption could not help/ });
    await rejected.focus();
    await side.getByText(/TaintToleration on hollow-node-0: .*untolerated taint/).waitFor();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowUp');
    expect(await page.evaluate<string>('document.activeElement.getAttribute("role")')).toBe('gridcell');
    await pod('two', wanting('two', '1'));
    await side.getByRole('heading', { name: /two attempt 1/ }).waitFor();
    await side.getByRole('button', { name: 'Earlier attempt' }).click();
    await side.getByRole('heading', { name: /one attempt 1/ }).waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('a pending pod: what if the taint were gone, and which single change would do', async () => {
    const { page, complaints } = await open();
    await pod('wide', wanting('wide', '3500m'));
    await page.getByRole('region', { name: /^Unschedulable: 1/ }).getByRole('button', { name: /^wide/ }).click();
    await page.getByRole('tab', { name: 'What if' }).click();
    await page.getByRole('button', { name: 'Ask the scheduler' }).click();
    const answer = page.getByRole('region', { name: 'Answer' });
    await answer.getByText('It would stay pending').waitFor();
    await answer.getByRole('button', { name: /^Try: take the taint dedicated/ }).first().click();
    await answer.getByText('It would go to hollow-node-0').waitFor();
    await page.getByText('take the taint dedicated').first().waitFor();
    await page.getByLabel('Change', { exact: true }).selectOption('cordon');
    await page.getByLabel('Node', { exact: true }).fill('hollow-node-0');
    await page.getByRole('button', { name: 'Add change' }).click();
    await answer.getByText('It would stay pending').waitFor();
    expect(await kubectl('get node hollow-node-0 -o jsonpath={.spec}')).toContain('dedicated');
    await kubectl('taint node hollow-node-0 dedicated-');
    await page.getByRole('region', { name: /^Unschedulable: 0/ }).waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('a cycle is held, stepped and resumed', async () => {
    const { page, complaints } = await open();
    await page.getByRole('tab', { name: 'Hold and step' }).click();
    await page.getByLabel('with labels').fill('run=slow');
    await page.locator('.breakpoint-form select').selectOption('Filter');
    await page.getByRole('button', { name: 'Hold them' }).click();
    await page.getByText('default: run=slow at Filter').waitFor();
    await kubectl('run slow --image=nginx');
    const held = page.getByRole('region', { name: 'Held: slow' });
    await held.getByText(/^Next: Filter/).waitFor();
    await held.getByRole('button', { name: 'Next point' }).click();
    await held.getByText(/^Next: PreScore/).waitFor();
    expect(await kubectl('get pod slow -o jsonpath={.spec.nodeName}')).toBe('');
    await held.getByRole('button', { name: 'Resume' }).click();
    await eventually('slow is placed', () => kubectl('get pod slow -o jsonpath={.spec.nodeName}'), (node) => node.startsWith('hollow-node-'));
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.getByText('default: run=slow at Filter').waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('preemption names the victims', async () => {
    const { page, complaints } = await open();
    await kubectl('create priorityclass urgent --value=1000');
    for (const node of ['hollow-node-0', 'hollow-node-1', 'hollow-node-2']) await kubectl(['run', `filler-${node.at(-1)}`, '--image=nginx', '--overrides', JSON.stringify({ spec: { nodeName: node, ...wanting('filler', node === 'hollow-node-1' ? '500m' : '100m') } })]);
    await pod('vip', { priorityClassName: 'urgent', ...wanting('vip', '3950m') });
    await eventually('vip is placed', () => kubectl('get pod vip -o jsonpath={.spec.nodeName}'), (node) => node.startsWith('hollow-node-'), 60_000);
    const side = page.getByRole('region', { name: 'Explanation' });
    await side.getByRole('heading', { name: /vip/ }).waitFor();
    await scrubTo(page, 'vip', 1);
    await side.getByRole('region', { name: 'Preemption' }).getByText(/ha(s|ve) to leave hollow-node-/).waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });
});
