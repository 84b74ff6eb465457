/** A container's mounts: its volumes, the pod's hosts file, and the file for its termination message. */
import { chmodSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { Draft, Mount } from '../cri/contract.ts';
import { propagations } from '../pods/container-config.ts';
import { expandStrict } from '../pods/expand.ts';
import type { AnyContainer } from '../pods/pod-facts.ts';
import type { MountedVolume } from './manager.ts';
import { resolveSubPath } from './sub-path.ts';

export interface MountInputs {
  pod: Pod;
  container: AnyContainer;
  volumes: ReadonlyMap<string, MountedVolume>;
  env: ReadonlyMap<string, string>;
  podDir: string;
  /** Content of /etc/hosts; undefined: the image's stays. */
  hosts?: string;
  /** Makes the name of the termination message's file unique. */
  suffix: string;
  recursiveReadOnly: boolean;
}

const absolute = (path: string) => (path.startsWith('/') ? path : `/${path}`);

/** Writes the pod's own files and returns the mounts, in the order given. @throws with the container's config error */
export function makeMounts(inputs: MountInputs): Draft<Mount>[] {
  const { container, volumes, podDir } = inputs;
  const mounts: Draft<Mount>[] = [];
  for (const mount of container.volumeMounts ?? []) {
    const volume = volumes.get(mount.name);
    if (!volume) throw new Error(`cannot find volume ${JSON.stringify(mount.name)} to mount into container ${JSON.stringify(container.name)}`);
    let subPath = mount.subPath ?? '';
    if (mount.subPathExpr) {
      const expanded = expandStrict(mount.subPathExpr, (name) => inputs.env.get(name));
      if ('unknown' in expanded) throw new Error(`missing value for ${JSON.stringify(expanded.unknown)}`);
      subPath = expanded.text;
    }
    if (subPath && (subPath.startsWith('/') || subPath.split('/').includes('..'))) throw new Error(`error SubPath \`${subPath}\` must not ${subPath.startsWith('/') ? 'be an absolute path' : "contain '..'"}`);
    const readonly = (mount.readOnly ?? false) || volume.readOnly;
    if (mount.recursiveReadOnly === 'Enabled' && !inputs.recursiveReadOnly) throw new Error('failed to resolve recursive read-only mode: volume mount requested recursive read-only mounts, but it is not supported by the runtime');
    mounts.push({
      containerPath: absolute(mount.mountPath),
      hostPath: volume.image ? '' : subPath ? resolveSubPath(volume.hostPath, subPath) : volume.hostPath,
      readonly,
      propagation: propagations[mount.mountPropagation ?? 'None'],
      recursiveReadOnly: readonly && inputs.recursiveReadOnly && (mount.recursiveReadOnly === 'Enabled' || mount.recursiveReadOnly === 'IfPossible'),
      ...(volume.image && { image: { image: volume.image }, imageSubPath: subPath }),
    });
  }
  const own = join(podDir, 'containers', container.name);
  mkdirSync(own, { recursive: true });
  if (inputs.hosts !== undefined && !mounts.some((m) => m.containerPath === '/etc/hosts')) {
    const path = join(podDir, 'etc-hosts');
    // A container may have written to it: what is there already stays for the pod's life.
    if (!lstatSync(path, { throwIfNoEntry: false })) {
      writeFileSync(path, inputs.hosts);
      chmodSync(path, 0o644);
    }
    mounts.push({ containerPath: '/etc/hosts', hostPath: path, propagation: 'PROPAGATION_PRIVATE' });
  }
  if (container.terminationMessagePath) {
    const path = join(own, inputs.suffix);
    writeFileSync(path, '');
    // Any user may write it, whatever the process's umask.
    chmodSync(path, 0o666);
    mounts.push({ containerPath: absolute(container.terminationMessagePath), hostPath: path, propagation: 'PROPAGATION_PRIVATE' });
  }
  return mounts;
}
