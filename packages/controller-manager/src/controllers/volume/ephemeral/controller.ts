import { messageOf } from '@pilothouse/base';
import type { PersistentVolumeClaim, Pod, Volume } from '@pilothouse/api-schemas/types/core/v1';
import { controllerOf, isAlreadyExists, keyOf, persistentVolumeClaims, pods } from '@pilothouse/apimachinery';
import { referenceTo } from '@pilothouse/client';
import { controllerReference, type ControllerContext, defineController, done, isNamespaceTerminating } from '@pilothouse/controller-runtime';

const claimName = (pod: Pod, volume: Volume): string => `${pod.metadata.name}-${volume.name}`;
const ephemeralVolumes = (pod: Pod): Volume[] => pod.spec?.volumes?.filter((volume) => volume.ephemeral) ?? [];
const byEphemeralClaim = 'ephemeralClaim';

/** Makes the claims that pods describe in their own volumes. @see https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/#generic-ephemeral-volumes */
export const ephemeralVolumeController = defineController({
  name: 'ephemeral-volume-controller',
  aliases: ['ephemeral-volume'],
  serviceAccount: 'ephemeral-volume-controller',
  eventSource: 'ephemeral_volume',
  watches: [
    {
      type: pods,
      indexes: { [byEphemeralClaim]: (pod: Pod) => ephemeralVolumes(pod).map((volume) => `${pod.metadata.namespace}/${claimName(pod, volume)}`) },
      // A pod's volumes never change, so it is looked at when it appears.
      keys: (pod: Pod, { old, deleted }) => (old || deleted || pod.metadata.deletionTimestamp || !ephemeralVolumes(pod).length ? [] : [keyOf(pod)]),
    },
    { type: persistentVolumeClaims, keys: (claim, { deleted }, context) => (deleted ? context.lister(pods).byIndex(byEphemeralClaim, keyOf(claim)).map(keyOf) : []) },
  ],
  async reconcile(key, context) {
    const pod = context.lister(pods).get(key);
    if (!pod || pod.metadata.deletionTimestamp) return done;
    for (const volume of ephemeralVolumes(pod)) {
      try {
        await ensureClaim(pod, volume, context);
      } catch (error) {
        if (context.signal.aborted || isNamespaceTerminating((error as Error).cause)) return done;
        context.recorder.event(referenceTo(pods, pod), 'Warning', 'FailedBinding', `ephemeral volume ${volume.name}: ${messageOf(error)}`);
        throw new Error(`pod ${key}, ephemeral volume ${volume.name}: ${messageOf(error)}`, { cause: error });
      }
    }
    return done;
  },
});

async function ensureClaim(pod: Pod, volume: Volume, { client, lister, signal }: ControllerContext): Promise<void> {
  const { namespace } = pod.metadata;
  const name = claimName(pod, volume);
  const known = lister(persistentVolumeClaims).get(`${namespace}/${name}`);
  if (known) return assertOwned(known, pod);
  const template = volume.ephemeral!.volumeClaimTemplate!;
  const { labels, annotations } = template.metadata ?? {};
  const claim: PersistentVolumeClaim = { metadata: { name, namespace, labels, annotations, ownerReferences: [controllerReference(pods, pod)] }, spec: template.spec };
  try {
    await client.create(persistentVolumeClaims, claim, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw new Error(`create PVC ${name}: ${messageOf(error)}`, { cause: error });
    // The cache is behind: it may be the one made a moment ago.
    assertOwned(await client.get(persistentVolumeClaims, name, { namespace, signal }), pod);
  }
}

/** @throws where a claim of the name is somebody else's: using it would hand out their data */
function assertOwned(claim: PersistentVolumeClaim, pod: Pod): void {
  if (controllerOf(claim)?.uid !== pod.metadata.uid) throw new Error(`PVC ${keyOf(claim)} was not created for pod ${keyOf(pod)} (pod is not owner)`);
}
