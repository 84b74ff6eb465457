/** The volumes of this node's pods: made before their containers, kept up to date, taken away after. */
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '@pilothouse/api-schemas/types/core/v1';
import { isNotFound, persistentVolumeClaims, persistentVolumes } from '@pilothouse/apimachinery';
import type { Clock } from '@pilothouse/base';
import type { Client } from '@pilothouse/client';
import { unitsOf } from '../pods/quantity.ts';
import { type FilePayload, writeAtomically } from './atomic-writer.ts';
import { prepareHostPath } from './host-path.ts';
import { setVolumeOwnership } from './ownership.ts';
import { type PayloadSources, payloadOf } from './payloads.ts';

const run = promisify(execFile);

/** Why a volume is not there; the text follows `MountVolume.SetUp failed for volume "…" : `. */
export class VolumeError extends Error {
  override name = 'VolumeError';
  readonly volume: string;
  constructor(volume: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.volume = volume;
  }
}

export interface MountedVolume {
  hostPath: string;
  /** Never writable for containers (what the API fills). */
  readOnly: boolean;
  /** An image to be mounted by the runtime, instead of a path. */
  image?: string;
}

export interface VolumeManager {
  /** Makes the pod's volumes and brings their contents up to date. @throws VolumeError for the first that cannot be had */
  mount(pod: Pod): Promise<Map<string, MountedVolume>>;
  /** Where a pod's own files lie: `<root>/pods/<uid>`. */
  podDir(uid: string): string;
  /** Takes the pod's volumes away. Repeatable. */
  unmount(uid: string): Promise<void>;
  /** Takes away all that was made for the pod. Repeatable. */
  remove(uid: string): Promise<void>;
  /** Uids of pods that have a directory. */
  present(): string[];
}

/** Whether the pod's volumes change with what the API holds, and so are looked at from time to time. */
export const hasLiveVolumes = (pod: Pod): boolean => (pod.spec?.volumes ?? []).some((v) => v.configMap || v.secret || v.projected || v.downwardAPI);

/** Directory names of upstream's volume plugins. */
const pluginDirs = { emptyDir: 'kubernetes.io~empty-dir', configMap: 'kubernetes.io~configmap', secret: 'kubernetes.io~secret', projected: 'kubernetes.io~projected', downwardAPI: 'kubernetes.io~downward-api' } as const;

export function createVolumeManager(options: { rootDir: string; client: Client; clock: Clock; sources(pod: Pod): PayloadSources }): VolumeManager {
  const { client, clock } = options;
  const podDir = (uid: string) => join(options.rootDir, 'pods', uid);
  const pathOf = (pod: Pod, plugin: keyof typeof pluginDirs, name: string) => join(podDir(pod.metadata.uid!), 'volumes', pluginDirs[plugin], name);

  async function mountOne(pod: Pod, volume: Volume): Promise<MountedVolume> {
    const payload = await payloadOf(pod, volume, options.sources(pod));
    if (payload) return writeFiles(pod, volume, payload);
    if (volume.emptyDir) return emptyDir(pod, volume);
    if (volume.hostPath) {
      prepareHostPath(volume.hostPath.path, volume.hostPath.type);
      return { hostPath: volume.hostPath.path, readOnly: false };
    }
    if (volume.persistentVolumeClaim) return claim(pod, volume.persistentVolumeClaim.claimName, volume.persistentVolumeClaim.readOnly ?? false);
    if (volume.ephemeral) return claim(pod, `${pod.metadata.name}-${volume.name}`, false);
    if (volume.image) return { hostPath: '', readOnly: true, image: volume.image.reference };
    const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'nothing';
    throw new Error(`no volume plugin matched: ${kind}`);
  }

  async function writeFiles(pod: Pod, volume: Volume, payload: Map<string, FilePayload>): Promise<MountedVolume> {
    const plugin = volume.configMap ? 'configMap' : volume.secret ? 'secret' : volume.projected ? 'projected' : 'downwardAPI';
    const dir = pathOf(pod, plugin, volume.name);
    if (!existsSync(dir)) {
      mkdirSync(dir, { recursive: true });
      // Secrets and tokens never touch a disk.
      if (plugin !== 'configMap') await run('mount', ['-t', 'tmpfs', '-o', 'mode=0777,rw,relatime', 'tmpfs', dir]);
      chmodSync(dir, 0o777);
    }
    const fsGroup = pod.spec?.securityContext?.fsGroup;
    const files = fsGroup === undefined ? payload : new Map([...payload].map(([path, file]) => [path, { ...file, mode: file.mode | 0o440 }] as const));
    const changed = writeAtomically(dir, files, { nowMs: clock.now(), gid: fsGroup });
    if (changed && fsGroup !== undefined) setVolumeOwnership(dir, { fsGroup, readOnly: true });
    return { hostPath: dir, readOnly: true };
  }

  async function emptyDir(pod: Pod, volume: Volume): Promise<MountedVolume> {
    const dir = pathOf(pod, 'emptyDir', volume.name);
    if (!existsSync(dir)) {
      mkdirSync(dir, { recursive: true });
      const { medium = '', sizeLimit } = volume.emptyDir!;
      if (medium === 'Memory') await run('mount', ['-t', 'tmpfs', '-o', `mode=0777${sizeLimit ? `,size=${unitsOf(sizeLimit)}` : ''}`, 'tmpfs', dir]);
      else if (medium.startsWith('HugePages')) await run('mount', ['-t', 'hugetlbfs', '-o', 'mode=0777', 'nodev', dir]);
      else if (medium) throw new Error(`unknown storage medium ${JSON.stringify(medium)}`);
      chmodSync(dir, 0o777);
      const fsGroup = pod.spec?.securityContext?.fsGroup;
      if (fsGroup !== undefined) setVolumeOwnership(dir, { fsGroup });
    }
    return { hostPath: dir, readOnly: false };
  }

  async function claim(pod: Pod, name: string, readOnly: boolean): Promise<MountedVolume> {
    const namespace = pod.metadata.namespace!;
    const pvc = await client.get<PersistentVolumeClaim>(persistentVolumeClaims, name, { namespace }).catch((error) => {
      throw isNotFound(error) ? new Error(`error processing PVC ${namespace}/${name}: failed to fetch PVC from API server: ${error.message}`) : error;
    });
    if (pvc.metadata.deletionTimestamp) throw new Error(`error processing PVC ${namespace}/${name}: PVC is being deleted`);
    if (pvc.status?.phase !== 'Bound' || !pvc.spec?.volumeName) throw new Error(`error processing PVC ${namespace}/${name}: PVC is not bound`);
    const pv = await client.get<PersistentVolume>(persistentVolumes, pvc.spec.volumeName);
    if (pv.spec?.claimRef?.uid !== pvc.metadata.uid) throw new Error(`error processing PVC ${namespace}/${name}: PV ${pv.metadata.name} is bound to another claim`);
    const { hostPath, local } = pv.spec!;
    const path = hostPath?.path ?? local?.path;
    if (!path) throw new Error(`no volume plugin matched: ${Object.keys(pv.spec!).find((k) => !['accessModes', 'capacity', 'claimRef', 'persistentVolumeReclaimPolicy', 'storageClassName', 'volumeMode', 'nodeAffinity'].includes(k))}`);
    if (hostPath) prepareHostPath(path, hostPath.type || 'DirectoryOrCreate');
    else if (!existsSync(path)) throw new Error(`path ${JSON.stringify(path)} does not exist`);
    const fsGroup = pod.spec?.securityContext?.fsGroup;
    if (local && fsGroup !== undefined && !readOnly) setVolumeOwnership(path, { fsGroup, policy: pod.spec!.securityContext!.fsGroupChangePolicy });
    return { hostPath: path, readOnly };
  }

  async function takeAway(dir: string): Promise<void> {
    if (!existsSync(dir)) return;
    const mounts = readFileSync('/proc/mounts', 'utf8').split('\n').map((line) => line.split(' ')[1]).filter((path) => path?.startsWith(`${dir}/`)).reverse();
    for (const path of mounts) await run('umount', [path]).catch(() => run('umount', ['-l', path]));
    rmSync(dir, { recursive: true, force: true });
  }

  const present = () => (existsSync(join(options.rootDir, 'pods')) ? readdirSync(join(options.rootDir, 'pods')) : []);

  return {
    podDir,
    present,
    async mount(pod) {
      const used = new Set([...pod.spec!.containers, ...(pod.spec!.initContainers ?? []), ...(pod.spec!.ephemeralContainers ?? [])].flatMap((c) => (c.volumeMounts ?? []).map((m) => m.name)));
      const mounted = new Map<string, MountedVolume>();
      const problems: VolumeError[] = [];
      for (const volume of pod.spec?.volumes ?? []) {
        if (!used.has(volume.name)) continue;
        try {
          mounted.set(volume.name, await mountOne(pod, volume));
        } catch (error) {
          problems.push(new VolumeError(volume.name, (error as Error).message, { cause: error }));
        }
      }
      if (problems.length) throw problems[0];
      return mounted;
    },
    unmount: (uid) => takeAway(join(podDir(uid), 'volumes')),
    remove: (uid) => takeAway(podDir(uid)),
  };
}

/** For nodes without a file system of their own: every volume is there, and nothing is made. */
export const noVolumes: VolumeManager = {
  mount: async (pod) => new Map((pod.spec?.volumes ?? []).map((v) => [v.name, { hostPath: `/simulated/${v.name}`, readOnly: false }])),
  podDir: (uid) => `/simulated/pods/${uid}`,
  unmount: async () => undefined,
  remove: async () => undefined,
  present: () => [],
};
