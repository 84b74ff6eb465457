/** subPath mounts: a path below a volume that can lead nowhere else, even through links that a container made. */
import { chmodSync, existsSync, lstatSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The real path of `subPath` in the volume; directories that are missing are made.
 * @throws where it would leave the volume
 */
export function resolveSubPath(volumePath: string, subPath: string): string {
  if (subPath.startsWith('/')) throw new Error(`subPath must not be an absolute path: ${subPath}`);
  const parts = subPath.split('/').filter((p) => p && p !== '.');
  if (parts.includes('..')) throw new Error(`subPath must not contain "..": ${subPath}`);
  const root = realpathSync(volumePath);
  const inside = (path: string) => path === root || path.startsWith(`${root}/`);
  let current = root;
  const mode = statSync(root).mode & 0o7777;
  for (const part of parts) {
    const next = join(current, part);
    if (!lstatSync(next, { throwIfNoEntry: false })) {
      mkdirSync(next);
      chmodSync(next, mode & 0o777 || 0o750);
    }
    if (!existsSync(next)) throw new Error(`subpath ${JSON.stringify(subPath)} of volume ${volumePath} leads to nothing`);
    current = realpathSync(next);
    if (!inside(current)) throw new Error(`subpath ${JSON.stringify(current)} not within volume path ${JSON.stringify(root)}`);
  }
  return current;
}
