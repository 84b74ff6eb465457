/** Scrubbing volumes whose policy is Recycle (deprecated): a pod empties the directory, then the volume is free again. */
import type { PersistentVolume, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { isAlreadyExists, isNotFound, keyOf, parseQuantity, persistentVolumes, pods, quantityValue } from '@pilothouse/apimachinery';
import { messageOf } from '@pilothouse/base';
import { referenceTo } from '@pilothouse/client';
import type { ControllerContext } from '@pilothouse/controller-runtime';

const namespace = 'default';
const prefix = 'recycler-for-';

/** The volume whose recycler a pod is; undefined for all other pods. */
export const recycledBy = (pod: Pod): string | undefined => (pod.metadata.namespace === namespace && pod.metadata.name?.startsWith(prefix) ? pod.metadata.name.slice(prefix.length) : undefined);

/** Seconds that scrubbing may take: upstream's defaults, by size and kind. */
function deadlineSeconds(volume: PersistentVolume): number {
  const gibi = Math.floor(quantityValue(parseQuantity(volume.spec?.capacity?.storage ?? '0')) / 1024 ** 3);
  return Math.max(volume.spec?.nfs ? 300 : 60, gibi * 30);
}

/** The pod that empties `volume`. Pure. */
export const recyclerPod = (volume: PersistentVolume): Pod => ({
  metadata: { name: `${prefix}${volume.metadata.name}`, namespace },
  spec: {
    activeDeadlineSeconds: deadlineSeconds(volume),
    restartPolicy: 'Never',
    volumes: [{ name: 'vol', ...(volume.spec?.nfs ? { nfs: { server: volume.spec.nfs.server, path: volume.spec.nfs.path } } : { hostPath: { path: volume.spec!.hostPath!.path } }) }],
    containers: [{
      name: 'pv-recycler',
      image: 'registry.k8s.io/build-image/debian-base:bookworm-v1.0.6',
      command: ['/bin/sh'],
      args: ['-c', 'test -e /scrub && find /scrub -mindepth 1 -delete && test -z "$(ls -A /scrub)" || exit 1'],
      volumeMounts: [{ name: 'vol', mountPath: '/scrub' }],
    }],
  },
});

/** 'scrubbed': the volume is empty; 'under way': the pod is at work; else why it failed. To be called again whenever the pod changes. */
export async function recycle(volume: PersistentVolume, { client, lister, recorder, signal }: ControllerContext): Promise<'scrubbed' | 'under way' | { failed: string }> {
  const wanted = recyclerPod(volume);
  const found = lister(pods).get(keyOf(wanted));
  const about = referenceTo(persistentVolumes, volume);
  const remove = () => client.delete(pods, wanted.metadata.name!, { namespace, signal }).catch((error) => {
    if (!isNotFound(error)) throw error;
  });
  if (!found) {
    try {
      await client.create(pods, wanted, { signal });
    } catch (error) {
      if (isAlreadyExists(error)) return 'under way';
      return { failed: `unexpected error creating recycler pod:  ${messageOf(error)}` };
    }
    return 'under way';
  }
  if (found.metadata.deletionTimestamp) return 'under way';
  switch (found.status?.phase) {
    case 'Succeeded':
      await remove();
      return 'scrubbed';
    case 'Failed':
      recorder.event(about, 'Warning', 'RecyclerPod', `Recycler pod: ${found.status.message || 'pod failed'}`);
      await remove();
      return { failed: `failed to recycle volume: ${found.status.message || 'pod failed, pod.Status.Message unknown'}` };
    default:
      return 'under way';
  }
}
