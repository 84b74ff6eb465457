/** Files under /var/log, as `kubectl get --raw /api/v1/nodes/…/proxy/logs/` shows them. */
import { createReadStream, readdirSync, statSync } from 'node:fs';
import { join, normalize } from 'node:path';
import type { ServerResponse } from 'node:http';

const root = '/var/log';

export type NodeLog = { listing: string } | { stream(response: ServerResponse): void };

/** Undefined: there is no such file or directory there. */
export function nodeLog(parts: readonly string[]): NodeLog | undefined {
  const path = normalize(join(root, ...parts));
  if (path !== root && path !== `${root}/` && !path.startsWith(`${root}/`)) return undefined;
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory()) {
    const names = readdirSync(path, { withFileTypes: true }).map((e) => (e.isDirectory() ? `${e.name}/` : e.name));
    return { listing: `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${names.map((n) => `<a href="${encodeURI(n)}">${n}</a>`).join('\n')}\n</pre>\n` };
  }
  if (!stat?.isFile()) return undefined;
  return {
    stream(response) {
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
      createReadStream(path).on('error', () => response.destroy()).pipe(response);
    },
  };
}
