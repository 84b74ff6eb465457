/** Volumes of type hostPath: the check that `type` asks for. */
import { mkdirSync, type Stats, statSync, writeFileSync } from 'node:fs';

interface Kind {
  is(stat: Stats): boolean;
  what: string;
  make?(path: string): void;
}

const directory: Kind = { is: (s) => s.isDirectory(), what: 'a directory' };
const file: Kind = { is: (s) => s.isFile(), what: 'a file' };
const kinds: Record<string, Kind> = {
  DirectoryOrCreate: { ...directory, make: (path) => void mkdirSync(path, { recursive: true, mode: 0o755 }) },
  Directory: directory,
  FileOrCreate: { ...file, make: (path) => writeFileSync(path, '', { mode: 0o644 }) },
  File: file,
  Socket: { is: (s) => s.isSocket(), what: 'a socket file' },
  CharDevice: { is: (s) => s.isCharacterDevice(), what: 'a character device' },
  BlockDevice: { is: (s) => s.isBlockDevice(), what: 'a block device' },
};

/** Makes what may be made. @throws where the path is not what `type` says */
export function prepareHostPath(path: string, type: string | undefined): void {
  if (!type) return;
  const kind = kinds[type];
  if (!kind) throw new Error(`${JSON.stringify(type)} is an invalid volume type`);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat && kind.make) kind.make(path);
  else if (!stat || !kind.is(stat)) throw new Error(`hostPath type check failed: ${path} is not ${kind.what}`);
}
