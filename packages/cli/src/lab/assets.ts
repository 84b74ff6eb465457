/** The lab's page as files to be served: found beside the program, read once, sent compressed. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '@pilothouse/base';

export interface Asset {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

export interface LabAssets {
  /** The answer for a path at or below `/lab`; undefined where there is nothing. */
  answer(path: string, headers: Record<string, string | string[] | undefined>): Asset | undefined;
}

const types: Record<string, string> = { html: 'text/html; charset=utf-8', js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8' };
const encodings = ['br', 'gz'] as const;
const encodingNames = { br: 'br', gz: 'gzip' } as const;

/** Nothing from elsewhere is fetched, run, framed or posted to. */
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Where the build puts the page: beside the bundle, or in dist/ when the sources run. */
function labDirectory(): string | undefined {
  const here = dirname(fileURLToPath(import.meta.url));
  return [join(here, 'lab'), join(here, '../../../../dist/lab')].find((dir) => existsSync(join(dir, 'index.html')));
}

/** The page, where it was built; sources can run without. */
export function findLabAssets(): LabAssets | undefined {
  const dir = labDirectory();
  return dir === undefined ? undefined : readAssets(dir);
}

/** @throws UserError where the page was not built */
export function loadLabAssets(): LabAssets {
  const assets = findLabAssets();
  if (!assets) throw new UserError('the lab\'s page is not built: run npm run build');
  return assets;
}

function readAssets(dir: string): LabAssets {
  const files = new Map<string, { plain: Buffer; br?: Buffer; gz?: Buffer; etag: string }>();
  for (const name of readdirSync(dir)) {
    if (/\.(br|gz)$/.test(name)) continue;
    const read = (suffix: string) => (existsSync(join(dir, name + suffix)) ? readFileSync(join(dir, name + suffix)) : undefined);
    const plain = readFileSync(join(dir, name));
    files.set(name, { plain, br: read('.br'), gz: read('.gz'), etag: `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"` });
  }
  return {
    answer(path, headers) {
      const name = path === '/lab' || path === '/lab/' ? 'index.html' : path.startsWith('/lab/') ? path.slice(5) : '';
      const file = files.get(name);
      if (!file) return undefined;
      const accepted = String(headers['accept-encoding'] ?? '');
      const encoding = encodings.find((e) => file[e] && new RegExp(`\\b${encodingNames[e]}\\b`).test(accepted));
      const body = encoding ? file[encoding]! : file.plain;
      const common: Record<string, string> = {
        // Names carry their contents' hash, except the page's own.
        'cache-control': name === 'index.html' ? 'no-cache' : 'public, max-age=31536000, immutable',
        etag: file.etag,
        vary: 'Accept-Encoding',
        'content-security-policy': policy,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
      };
      if (headers['if-none-match'] === file.etag) return { status: 304, headers: common, body: Buffer.alloc(0) };
      return { status: 200, headers: { ...common, 'content-type': types[name.split('.').at(-1)!] ?? 'application/octet-stream', 'content-length': String(body.length), ...(encoding && { 'content-encoding': encodingNames[encoding] }) }, body };
    },
  };
}
