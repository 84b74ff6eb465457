/** Bundles the lab's page: index.html, one script, one style sheet, the last two named after their contents; each also as .br and .gz. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const source = join(import.meta.dirname, '../packages/scheduler-lab-web');

/** Writes the page into `out`, which is emptied first. Returns the bytes a browser fetches, by encoding. */
export async function buildLab(out: string): Promise<{ plain: number; br: number; gz: number }> {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const result = await build({
    entryPoints: { app: join(source, 'src/main.tsx') },
    outdir: out,
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    write: false,
  });
  const files = new Map(result.outputFiles.map((file) => [basename(file.path), Buffer.from(file.contents)]));
  const named = (suffix: string) => [...files.keys()].find((name) => name.endsWith(suffix))!;
  files.set('index.html', Buffer.from(readFileSync(join(source, 'index.html'), 'utf8').replace('app.js', named('.js')).replace('app.css', named('.css'))));
  const size = { plain: 0, br: 0, gz: 0 };
  for (const [name, bytes] of files) {
    const br = brotliCompressSync(bytes);
    const gz = gzipSync(bytes, { level: 9 });
    writeFileSync(join(out, name), bytes);
    writeFileSync(join(out, `${name}.br`), br);
    writeFileSync(join(out, `${name}.gz`), gz);
    size.plain += bytes.length;
    size.br += br.length;
    size.gz += gz.length;
  }
  return size;
}
