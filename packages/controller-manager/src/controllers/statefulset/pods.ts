import { messageOf } from '@pilothouse/base';
import type { StatefulSet } from '@pilothouse/api-schemas/types/apps/v1';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { isAlreadyExists, isNotFound, persistentVolumeClaims, pods, statefulSets } from '@pilothouse/apimachinery';
import { clone, referenceTo, retryOnConflict } from '@pilothouse/client';
import type { ControllerContext, Expectations } from '@pilothouse/controller-runtime';
import { claimOwners, hasForeignController, ownedByFormer } from './claim-owners.ts';
import { claimName, claimsOf, giveIdentity, giveStorage, identityFits, ordinalOf, storageFits } from './identity.ts';

/** Writes pods of a set and their claims, with an event for each. */
export function statefulPods(set: StatefulSet, context: ControllerContext, expectations: Expectations) {
  const { client, clock, lister, recorder, signal } = context;
  const namespace = set.metadata.namespace!;
  const uid = set.metadata.uid!;
  const claimOf = (name: string) => lister(persistentVolumeClaims).get(`${namespace}/${name}`);
  const say = (verb: 'Create' | 'Update' | 'Delete', pod: Pod, error?: unknown) => {
    if (signal.aborted) return;
    if (error === undefined) recorder.event(referenceTo(statefulSets, set), 'Normal', `Successful${verb}`, `${verb} Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`);
    else recorder.event(referenceTo(statefulSets, set), 'Warning', `Failed${verb}`, `${verb} Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} failed error: ${messageOf(error)}`);
  };

  async function createClaims(pod: Pod): Promise<void> {
    const errors: string[] = [];
    for (const claim of claimsOf(set, ordinalOf(pod)).values()) {
      const name = claim.metadata.name!;
      const existing = claimOf(name);
      if (existing) {
        if (existing.metadata.deletionTimestamp) errors.push(`pvc ${name} is being deleted`);
        continue;
      }
      const about = `Claim ${name} Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name}`;
      try {
        await client.create(persistentVolumeClaims, claim, { signal });
        recorder.event(referenceTo(statefulSets, set), 'Normal', 'SuccessfulCreate', `Create ${about} success`);
      } catch (error) {
        // Made already, only not seen yet.
        if (isAlreadyExists(error)) continue;
        errors.push(`failed to create PVC ${name}: ${messageOf(error)}`);
        recorder.event(referenceTo(statefulSets, set), 'Warning', 'FailedCreate', `Create ${`Claim ${name} for Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name}`} failed error: ${messageOf(error)}`);
      }
    }
    if (errors.length) throw new Error(errors.length === 1 ? errors[0] : `[${errors.join(', ')}]`);
  }

  const claimNames = (pod: Pod) => (set.spec?.volumeClaimTemplates ?? []).map((template) => claimName(template, set, ordinalOf(pod)));
  const known = (pod: Pod) => claimNames(pod).flatMap((name) => claimOf(name) ?? []);

  const result = {
    /** Whether the claims' owners are as the retention policy wants them. */
    claimsFit: (pod: Pod) => known(pod).every((claim) => claimOwners(claim, set, pod) === undefined),
    /** Claims that a former pod of the name still owns are about to go. */
    claimsAreStale: (pod: Pod) => set.spec?.persistentVolumeClaimRetentionPolicy?.whenScaled === 'Delete' && known(pod).some((claim) => ownedByFormer(claim, pod)),
    async fixClaimOwners(pod: Pod): Promise<void> {
      for (const claim of known(pod)) {
        if (hasForeignController(claim, set, pod)) recorder.event(referenceTo(statefulSets, set), 'Warning', 'ConflictingController', `PersistentVolumeClaim ${claim.metadata.name} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim`);
        const ownerReferences = claimOwners(claim, set, pod);
        if (ownerReferences) await client.update(persistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, ownerReferences } }, { signal });
      }
    },
    async create(pod: Pod): Promise<void> {
      try {
        await createClaims(pod);
        expectations.raise(uid, { creations: 1 });
        await client.create(pods, pod, { signal });
      } catch (error) {
        expectations.creationObserved(uid);
        // Another of the name is there: it is looked at once it is seen.
        if (isAlreadyExists(error)) throw error;
        say('Create', pod, error);
        throw error;
      }
      say('Create', pod);
    },
    /** A pending pod may wait for a claim that was deleted. */
    async restoreClaims(pod: Pod): Promise<void> {
      await createClaims(pod);
      await result.fixClaimOwners(pod);
    },
    async update(stored: Pod): Promise<void> {
      let pod = clone(stored);
      let attempted = false;
      try {
        await retryOnConflict(clock, async () => {
          let fits = true;
          if (!identityFits(set, pod)) {
            giveIdentity(set, pod, ordinalOf(pod));
            fits = false;
          }
          if (!storageFits(set, pod)) {
            giveStorage(set, pod, ordinalOf(pod));
            await createClaims(pod);
            fits = false;
          }
          // Upstream writes the pod, and says so, even where only its claims have changed.
          if (!result.claimsFit(pod)) {
            await result.fixClaimOwners(pod);
            fits = false;
          }
          if (fits) return;
          attempted = true;
          await client.update(pods, pod, { signal }).catch((error) => {
            pod = clone(lister(pods).get(`${namespace}/${pod.metadata.name}`) ?? pod);
            throw error;
          });
        });
      } catch (error) {
        say('Update', pod, error);
        throw error;
      }
      if (attempted) say('Update', pod);
    },
    async delete(pod: Pod): Promise<void> {
      expectations.raise(uid, { deletions: [pod.metadata.uid!] });
      try {
        await client.delete(pods, pod.metadata.name!, { namespace, preconditions: { uid: pod.metadata.uid }, signal });
      } catch (error) {
        expectations.deletionObserved(uid, pod.metadata.uid!);
        if (!isNotFound(error)) {
          say('Delete', pod, error);
          throw error;
        }
      }
      say('Delete', pod);
    },
  };
  return result;
}
