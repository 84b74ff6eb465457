/** Volumes of type hostPath: the check that `type` asks for. */
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';

/** Makes what may be made, and fails where the path is not what `type` says. */
export function prepareHostPath(path: string, type: string | undefined): void {
  if (!type) return;
  const stat = statSync(path, { throwIfNoEntry: false });
  const fail = (what: string) => {
    throw new Error(`hostPath type check failed: ${path} is not ${what}`);
  };
  switch (type) {
    case 'DirectoryOrCreate':
      if (!existsSync(path)) mkdirSync(path, { recursive: true, mode: 0o755 });
      else if (!stat?.isDirectory()) fail('a directory');
      return;
    case 'Directory':
      return stat?.isDirectory() ? undefined : fail('a directory');
    case 'FileOrCreate':
      if (!existsSync(path)) writeFileSync(path, '', { mode: 0o644 });
      else if (!stat?.isFile()) fail('a file');
      return;
    case 'File':
      return stat?.isFile() ? undefined : fail('a file');
    case 'Socket':
      return stat?.isSocket() ? undefined : fail('a socket file');
    case 'CharDevice':
      return stat?.isCharacterDevice() ? undefined : fail('a character device');
    case 'BlockDevice':
      return stat?.isBlockDevice() ? undefined : fail('a block device');
    default:
      throw new Error(`${JSON.stringify(type)} is an invalid volume type`);
  }
}
