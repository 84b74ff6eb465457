/** Chromium for tests of the lab: Debian's, driven by playwright-core, which brings no browser of its own. */
import { spawn, spawnSync } from 'node:child_process';
import { type Browser, chromium, type Page } from 'playwright-core';
import { program } from '../golden/cluster.ts';

export type { Page };

const found = () => spawnSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).stdout.trim();

export const launchBrowser = (): Promise<Browser> => chromium.launch({ executablePath: found(), args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });

export interface OpenedPage {
  page: Page;
  /** Errors and warnings of the console, exceptions, requests that failed or went elsewhere. */
  complaints: string[];
}

/** A page that notes down what a user would never see but should not happen. `origin`: the only place it may ask. */
export async function openPage(browser: Browser, origin: string, options: { width?: number; height?: number; colorScheme?: 'light' | 'dark' } = {}): Promise<OpenedPage> {
  const page = await browser.newPage({ viewport: { width: options.width ?? 1280, height: options.height ?? 860 }, colorScheme: options.colorScheme ?? 'light', ignoreHTTPSErrors: true });
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`console: ${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${error.stack ?? error.message}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('data:')) complaints.push(`asked elsewhere: ${request.url()}`);
  });
  return { page, complaints };
}

/** `pilothouse lab` as a process of its own. */
export async function startLab(kubeconfig: string): Promise<{ url: string; origin: string; stop(): Promise<void> }> {
  const child = spawn(process.execPath, [program, 'lab', '--kubeconfig', kubeconfig], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { text += chunk; });
  for (let waited = 0; !/http:\/\/\S+/.test(text); waited += 50) {
    if (child.exitCode !== null || waited > 30_000) throw new Error(`pilothouse lab did not come up:\n${text}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const url = /http:\/\/\S+/.exec(text)![0];
  return {
    url,
    origin: new URL(url).origin,
    async stop() {
      if (child.exitCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await gone;
    },
  };
}

/** Scrubs back through the recorded attempts until this one is chosen; starts anew while it is not recorded yet. */
export async function scrubTo(page: Page, pod: string, attempt: number): Promise<void> {
  const slider = page.getByRole('slider', { name: 'Recorded attempts' });
  const chosen = async () => ((await slider.getAttribute('aria-valuetext')) ?? '').startsWith(`${pod}, attempt ${attempt},`);
  for (let tries = 0; tries < 100; tries++) {
    if (await chosen()) return;
    const earlier = page.getByRole('button', { name: 'Earlier attempt' });
    await (await earlier.isEnabled() ? earlier : page.getByRole('button', { name: 'Follow' })).click();
  }
  throw new Error(`attempt ${attempt} of ${pod} is not among those recorded`);
}
