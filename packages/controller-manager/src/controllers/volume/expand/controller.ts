import type { PersistentVolume, PersistentVolumeClaim } from '@pilothouse/api-schemas/types/core/v1';
import { compareQuantities, keyOf, persistentVolumeClaims, persistentVolumes } from '@pilothouse/apimachinery';
import { referenceTo } from '@pilothouse/client';
import { defineController, done, readOnly } from '@pilothouse/controller-runtime';
import { migratedVolumes } from '../migrated.ts';

const resizerAnnotation = 'volume.kubernetes.io/storage-resizer';

const requested = (claim: PersistentVolumeClaim): string => (claim.spec?.resources?.requests?.storage as string | undefined) ?? '0';
const capacity = (claim: PersistentVolumeClaim): string => (claim.status?.capacity?.storage as string | undefined) ?? '0';

/** The volume a claim is to grow on; undefined where it has all it asks for, or no volume. */
export function volumeToGrow(claim: PersistentVolumeClaim, volume: PersistentVolume | undefined): PersistentVolume | undefined {
  if (claim.metadata.deletionTimestamp || volume?.spec?.claimRef?.uid !== claim.metadata.uid) return undefined;
  return compareQuantities(requested(claim), capacity(claim)) > 0 ? volume : undefined;
}

/** Hands growing claims over to who can make volumes grow: the drivers' resizers. @see https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims */
export const volumeExpanderController = defineController({
  name: 'persistentvolume-expander-controller',
  aliases: ['persistentvolume-expander'],
  serviceAccount: 'expand-controller',
  eventSource: 'volume_expand',
  watches: [
    {
      type: persistentVolumeClaims,
      // Before a claim is bound its capacity says nothing.
      keys: (claim, { old, deleted }) => (!deleted && claim.status?.phase === 'Bound' && (!old || compareQuantities(requested(claim), requested(old)) > 0 || compareQuantities(capacity(claim), capacity(old)) > 0) ? [keyOf(claim)] : []),
    },
    readOnly(persistentVolumes),
  ],
  async reconcile(key, { client, lister, recorder, signal }) {
    const claim = lister(persistentVolumeClaims).get(key);
    const volume = claim?.spec?.volumeName ? volumeToGrow(claim, lister(persistentVolumes).get(claim.spec.volumeName)) : undefined;
    if (!claim || !volume) return done;
    const about = referenceTo(persistentVolumeClaims, claim);
    const kind = Object.keys(migratedVolumes).find((name) => name in volume.spec!);
    if (!kind) {
      const byDriver = volume.spec?.csi ?? volume.spec?.flexVolume;
      recorder.event(about, byDriver ? 'Normal' : 'Warning', 'ExternalExpanding', 'waiting for an external controller to expand this PVC');
      return done;
    }
    const { plugin, driver } = migratedVolumes[kind];
    recorder.event(about, 'Normal', 'ExternalExpanding', `CSI migration enabled for ${plugin}; waiting for external resizer to expand the pvc`);
    if (claim.metadata.annotations?.[resizerAnnotation] !== driver) await client.patch(persistentVolumeClaims, claim.metadata.name!, { metadata: { annotations: { [resizerAnnotation]: driver } } }, { namespace: claim.metadata.namespace, signal });
    return done;
  },
});
