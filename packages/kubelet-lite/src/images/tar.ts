/** Writing POSIX (ustar) archives: what image layers and image archives are made of. */

export interface TarEntry {
  /** Relative, without a leading slash; a directory's may end in one. */
  name: string;
  type?: 'file' | 'directory' | 'symlink' | 'link';
  /** Permission bits; default 0644, directories 0755, symbolic links 0777. */
  mode?: number;
  uid?: number;
  gid?: number;
  content?: Uint8Array | string;
  /** Target of a link. */
  target?: string;
}

const typeFlags = { file: '0', link: '1', symlink: '2', directory: '5' };
const defaultModes = { file: 0o644, link: 0o644, symlink: 0o777, directory: 0o755 };

/** The bytes of an archive. Times are zero, so that equal content has an equal digest. @throws for names over 100 bytes */
export function tar(entries: readonly TarEntry[]): Buffer {
  const pieces: Buffer[] = [];
  for (const entry of entries) {
    const type = entry.type ?? 'file';
    const content = Buffer.from(type === 'file' ? (entry.content ?? '') : '');
    const header = Buffer.alloc(512);
    if (Buffer.byteLength(entry.name) > 100) throw new Error(`tar: name ${JSON.stringify(entry.name)} is longer than 100 bytes`);
    const octal = (value: number, at: number, length: number) => header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
    header.write(entry.name, 0);
    octal(entry.mode ?? defaultModes[type], 100, 8);
    octal(entry.uid ?? 0, 108, 8);
    octal(entry.gid ?? 0, 116, 8);
    octal(content.length, 124, 12);
    octal(0, 136, 12);
    header.write(' '.repeat(8), 148);
    header.write(typeFlags[type], 156);
    header.write(entry.target ?? '', 157);
    header.write('ustar\x0000', 257, 'latin1');
    const sum = header.reduce((a, b) => a + b, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    pieces.push(header, content, Buffer.alloc((512 - (content.length % 512)) % 512));
  }
  pieces.push(Buffer.alloc(1024));
  return Buffer.concat(pieces);
}
