/**
 * Writes OCI archives that containerd loads without a registry:
 *
 *   node tools/build-images.ts DIR [pause] [busybox]      (default: both)
 *   ctr -n k8s.io images import DIR/pause.tar
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { busyboxImage } from '../src/images/busybox.ts';
import { ociArchive } from '../src/images/oci-archive.ts';
import { pauseImage } from '../src/images/pause.ts';

const [dir, ...wanted] = process.argv.slice(2);
if (!dir) throw new Error('usage: build-images.ts DIR [pause] [busybox]');
const images = { pause: () => pauseImage(), busybox: () => busyboxImage() };
mkdirSync(dir, { recursive: true });
for (const [name, build] of Object.entries(images)) {
  if (wanted.length && !wanted.includes(name)) continue;
  const image = build();
  const path = join(dir, `${name}.tar`);
  writeFileSync(path, ociArchive([image]));
  console.log(`${path}: ${image.reference}`);
}
