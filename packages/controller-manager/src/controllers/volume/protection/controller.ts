import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { controllerOf, isNotFound, type KubeObject, persistentVolumeClaims, persistentVolumes, pods, type ResourceType } from '@pilothouse/apimachinery';
import { listAll } from '@pilothouse/client';
import { type ControllerContext, defineController, done, isPodTerminal, itself } from '@pilothouse/controller-runtime';

const claimFinalizer = 'kubernetes.io/pvc-protection';
const volumeFinalizer = 'kubernetes.io/pv-protection';

/** Claims a pod uses: those it names, and those made for its ephemeral volumes. */
export const claimsOfPod = (pod: Pod): string[] => (pod.spec?.volumes ?? []).flatMap((volume) => (volume.persistentVolumeClaim ? [volume.persistentVolumeClaim.claimName] : volume.ephemeral ? [`${pod.metadata.name}-${volume.name}`] : []));
const claimIndex = { claim: (pod: Pod): string[] => claimsOfPod(pod).map((name) => `${pod.metadata.namespace}/${name}`) };

/** Only pods that a kubelet has seen hold a claim: an unbound pod is not started on a claim that is going. */
function uses(pod: Pod, claim: KubeObject): boolean {
  if (!pod.spec?.nodeName) return false;
  return pod.spec.volumes?.some((volume) => volume.persistentVolumeClaim?.claimName === claim.metadata.name || (!!volume.ephemeral && `${pod.metadata.name}-${volume.name}` === claim.metadata.name && controllerOf(claim)?.uid === pod.metadata.uid)) ?? false;
}

/** Keeps claims that pods use from being deleted. @see https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection */
export const claimProtectionController = defineController({
  name: 'persistentvolumeclaim-protection-controller',
  aliases: ['pvc-protection'],
  serviceAccount: 'pvc-protection-controller',
  workers: 1,
  watches: [
    itself(persistentVolumeClaims),
    { type: pods, indexes: claimIndex, keys: (pod, { old, deleted }) => (deleted || isPodTerminal(pod) || (old && old.metadata.uid !== pod.metadata.uid) ? claimIndex.claim(pod) : []) },
  ],
  async reconcile(key, context) {
    const { client, lister, signal } = context;
    const claim = lister(persistentVolumeClaims).get(key);
    if (!claim) return done;
    const has = claim.metadata.finalizers?.includes(claimFinalizer) ?? false;
    if (!claim.metadata.deletionTimestamp) {
      if (!has) await setFinalizers(persistentVolumeClaims, claim, [...(claim.metadata.finalizers ?? []), claimFinalizer], context);
      return done;
    }
    if (!has || lister(pods).byIndex('claim', key).some((pod) => uses(pod, claim))) return done;
    // The cache may not know the newest pod: before data can be lost, the server is asked.
    const { items } = await listAll(client, pods, { namespace: claim.metadata.namespace, signal });
    if (!items.some((pod) => uses(pod, claim))) await setFinalizers(persistentVolumeClaims, claim, claim.metadata.finalizers!.filter((f) => f !== claimFinalizer), context);
    return done;
  },
});

/** Keeps volumes that are bound from being deleted. */
export const volumeProtectionController = defineController({
  name: 'persistentvolume-protection-controller',
  aliases: ['pv-protection'],
  serviceAccount: 'pv-protection-controller',
  workers: 1,
  watches: [itself(persistentVolumes)],
  async reconcile(key, context) {
    const volume = context.lister(persistentVolumes).get(key);
    if (!volume) return done;
    const has = volume.metadata.finalizers?.includes(volumeFinalizer) ?? false;
    if (!volume.metadata.deletionTimestamp) {
      if (!has) await setFinalizers(persistentVolumes, volume, [...(volume.metadata.finalizers ?? []), volumeFinalizer], context);
    } else if (has && volume.status?.phase !== 'Bound') await setFinalizers(persistentVolumes, volume, volume.metadata.finalizers!.filter((f) => f !== volumeFinalizer), context);
    return done;
  },
});

async function setFinalizers<T extends KubeObject>(type: ResourceType<T>, object: T, finalizers: string[], { client, signal }: ControllerContext): Promise<void> {
  await client.update(type, { ...object, metadata: { ...object.metadata, finalizers } }, { signal }).catch((error) => {
    if (!isNotFound(error)) throw error;
  });
}

