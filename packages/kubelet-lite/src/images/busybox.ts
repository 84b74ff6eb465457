/** A busybox image from the machine's static busybox (Debian: busybox-static): the program and a link per applet. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { UserError } from '@pilothouse/base';
import type { LocalImage } from './oci-archive.ts';
import type { TarEntry } from './tar.ts';

const places = ['/bin/busybox', '/usr/bin/busybox', '/sbin/busybox'];

/** @throws UserError where there is no busybox, or one that needs shared libraries */
export function busyboxImage(reference = 'docker.io/library/busybox:1.36', program = places.find(existsSync)): LocalImage {
  if (!program) throw new UserError(`a busybox image needs a static busybox in one of ${places.join(', ')} (Debian: apt-get install busybox-static)`);
  const content = readFileSync(program);
  if (content.includes('/ld-linux') || content.includes('/ld-musl')) throw new UserError(`${program} needs shared libraries; a busybox image needs a static one (Debian: apt-get install busybox-static)`);
  // `--list` names busybox itself too, which must not become a link to itself.
  const applets = execFileSync(program, ['--list'], { encoding: 'utf8' }).split('\n').filter((name) => name && name !== 'busybox');
  const directories = ['bin', 'dev', 'etc', 'home', 'proc', 'root', 'sys', 'usr', 'usr/bin', 'usr/sbin', 'var', 'var/www'];
  const files: TarEntry[] = [
    ...directories.map((name): TarEntry => ({ name: `${name}/`, type: 'directory', mode: name === 'root' ? 0o700 : 0o755 })),
    { name: 'tmp/', type: 'directory', mode: 0o1777 },
    { name: 'sbin', type: 'symlink', target: 'bin' },
    { name: 'bin/busybox', mode: 0o755, content },
    ...applets.map((name): TarEntry => ({ name: `bin/${name}`, type: 'symlink', target: 'busybox' })),
    { name: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nwww-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n' },
    { name: 'etc/group', content: 'root:x:0:\ndaemon:x:1:\nwww-data:x:33:\nnogroup:x:65534:\n' },
  ];
  return { reference, arch: process.arch, files, config: { Cmd: ['sh'], Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'] } };
}
