import type { PersistentVolume, PersistentVolumeClaim } from '@pilothouse/api-schemas/types/core/v1';
import type { VolumeAttributesClass } from '@pilothouse/api-schemas/types/storage/v1';
import { isNotFound, persistentVolumeClaims, persistentVolumes, volumeAttributesClasses } from '@pilothouse/apimachinery';
import { type ControllerContext, defineController, done, itself } from '@pilothouse/controller-runtime';

const finalizer = 'kubernetes.io/vac-protection';
const byClass = 'volumeAttributesClass';

/** Classes a claim has, had last, or is on its way to. */
const classesOfClaim = ({ spec, status }: PersistentVolumeClaim): string[] => [...new Set([spec?.volumeAttributesClassName, status?.currentVolumeAttributesClassName, status?.modifyVolumeStatus?.targetVolumeAttributesClassName].filter((name): name is string => !!name))];
const classesOfVolume = ({ spec }: PersistentVolume): string[] => (spec?.volumeAttributesClassName ? [spec.volumeAttributesClassName] : []);

/** Only what is given up can end a class's being in use. */
const givenUp = (before: readonly string[], after: readonly string[]): string[] => before.filter((name) => !after.includes(name));

/** Keeps volume attributes classes that claims or volumes have from being deleted. @see https://kubernetes.io/docs/concepts/storage/volume-attributes-classes/ */
export const attributesClassProtectionController = defineController({
  name: 'volumeattributesclass-protection-controller',
  serviceAccount: 'volumeattributesclass-protection-controller',
  workers: 1,
  watches: [
    itself(volumeAttributesClasses),
    { type: persistentVolumeClaims, indexes: { [byClass]: classesOfClaim }, keys: (claim, { old, deleted }) => (deleted ? classesOfClaim(claim) : old ? givenUp(classesOfClaim(old), classesOfClaim(claim)) : []) },
    { type: persistentVolumes, indexes: { [byClass]: classesOfVolume }, keys: (volume, { old, deleted }) => (deleted ? classesOfVolume(volume) : old ? givenUp(classesOfVolume(old), classesOfVolume(volume)) : []) },
  ],
  async reconcile(name, context) {
    const { lister } = context;
    const found = lister(volumeAttributesClasses).get(name);
    if (!found) return done;
    const finalizers = found.metadata.finalizers ?? [];
    const has = finalizers.includes(finalizer);
    if (!found.metadata.deletionTimestamp) {
      if (!has) await setFinalizers(found, [...finalizers, finalizer], context);
      return done;
    }
    const used = lister(persistentVolumes).byIndex(byClass, name).length > 0 || lister(persistentVolumeClaims).byIndex(byClass, name).length > 0;
    if (has && !used) await setFinalizers(found, finalizers.filter((f) => f !== finalizer), context);
    return done;
  },
});

async function setFinalizers(object: VolumeAttributesClass, finalizers: string[], { client, signal }: ControllerContext): Promise<void> {
  try {
    await client.update(volumeAttributesClasses, { ...object, metadata: { ...object.metadata, finalizers } }, { signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
