/** Images made on the spot, as OCI image layouts in one archive: what `ctr images import` reads. No registry needed. */
import { createHash } from 'node:crypto';
import { type TarEntry, tar } from './tar.ts';

export interface LocalImage {
  /** Full name with tag: `docker.io/library/busybox:1.36`. */
  reference: string;
  files: readonly TarEntry[];
  /** Of Node's names: `x64`, `arm64`. */
  arch: string;
  config: { Entrypoint?: string[]; Cmd?: string[]; Env?: string[]; User?: string; WorkingDir?: string };
}

export interface OciBlobs {
  manifestDigest: string;
  /** Digest → bytes: manifest, config, layer. */
  blobs: Map<string, Buffer>;
}

/** Go's names of architectures. */
export const goArch = (arch: string): string => ({ x64: 'amd64', ia32: '386' })[arch] ?? arch;

export const manifestMediaType = 'application/vnd.oci.image.manifest.v1+json';

/** An image's blobs, as a registry would serve them. */
export function ociBlobs(image: LocalImage): OciBlobs {
  const blobs = new Map<string, Buffer>();
  const add = (mediaType: string, bytes: Buffer) => {
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const layer = add('application/vnd.oci.image.layer.v1.tar', tar(image.files));
  const config = add('application/vnd.oci.image.config.v1+json', json({ architecture: goArch(image.arch), os: 'linux', config: image.config, rootfs: { type: 'layers', diff_ids: [layer.digest] } }));
  const manifest = add(manifestMediaType, json({ schemaVersion: 2, mediaType: manifestMediaType, config, layers: [layer] }));
  return { manifestDigest: manifest.digest, blobs };
}

/** The archive of one or more images. */
export function ociArchive(images: readonly LocalImage[]): Buffer {
  const entries: TarEntry[] = [
    { name: 'blobs/', type: 'directory' },
    { name: 'blobs/sha256/', type: 'directory' },
    { name: 'oci-layout', content: JSON.stringify({ imageLayoutVersion: '1.0.0' }) },
  ];
  const seen = new Set<string>();
  const manifests = images.map((image) => {
    const { manifestDigest, blobs } = ociBlobs(image);
    for (const [digest, bytes] of blobs) {
      if (seen.has(digest)) continue;
      seen.add(digest);
      entries.push({ name: `blobs/sha256/${digest.slice(7)}`, content: bytes });
    }
    return {
      mediaType: manifestMediaType,
      digest: manifestDigest,
      size: blobs.get(manifestDigest)!.length,
      annotations: { 'io.containerd.image.name': image.reference, 'org.opencontainers.image.ref.name': image.reference.slice(image.reference.lastIndexOf(':') + 1) },
      platform: { architecture: goArch(image.arch), os: 'linux' },
    };
  });
  entries.push({ name: 'index.json', content: JSON.stringify({ schemaVersion: 2, manifests }) });
  return tar(entries);
}
