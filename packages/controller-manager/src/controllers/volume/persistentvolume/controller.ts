import type { PersistentVolume, PersistentVolumeClaim } from '@pilothouse/api-schemas/types/core/v1';
import { isNotFound, keyOf, persistentVolumeClaims, persistentVolumes, pods, storageClasses } from '@pilothouse/apimachinery';
import { clone, referenceTo } from '@pilothouse/client';
import { type ControllerContext, defineController, done, isPodTerminal, readOnly, semanticallyEqual } from '@pilothouse/controller-runtime';
import { claimsOfPod } from '../protection/controller.ts';
import { classOf, findVolume, isMeantFor, mismatch, modeOf } from './match.ts';
import { assignDefaultClass, provision, selectedNode } from './provision.ts';
import { byController, provisionedBy, reclaim, unbind, writeVolumePhase } from './reclaim.ts';
import { recycledBy } from './recycle.ts';

const bindCompleted = 'pv.kubernetes.io/bind-completed';
const preResizeCapacity = 'volume.alpha.kubernetes.io/pre-resize-capacity';
/** Everything is looked at again so often, as binding depends on more than the object itself. */
const resyncMs = 15_000;

const claimKey = (key: string): string => `claim:${key}`;
const volumeKey = (name: string): string => `volume:${name}`;

/** Binds claims to volumes, and reclaims volumes whose claims are gone. @see https://kubernetes.io/docs/concepts/storage/persistent-volumes/ */
export const volumeBinderController = defineController({
  name: 'persistentvolume-binder-controller',
  aliases: ['persistentvolume-binder'],
  serviceAccount: 'persistent-volume-binder',
  eventSource: 'persistentvolume-controller',
  // One at a time: two claims must not be given one volume.
  workers: 1,
  watches: [
    {
      type: persistentVolumeClaims,
      *keys(claim, { deleted }) {
        yield claimKey(keyOf(claim));
        if (deleted && claim.spec?.volumeName) yield volumeKey(claim.spec.volumeName);
      },
    },
    {
      type: persistentVolumes,
      *keys(volume, { old, deleted }, context) {
        yield volumeKey(volume.metadata.name!);
        const ref = volume.spec?.claimRef;
        if (ref) yield claimKey(`${ref.namespace}/${ref.name}`);
        // A volume that has become free may be what a claim waits for.
        else if (!deleted && (!old || old.status?.phase !== volume.status?.phase)) for (const claim of context.lister(persistentVolumeClaims).list()) if (!claim.spec?.volumeName && classOf(claim) === classOf(volume)) yield claimKey(keyOf(claim));
      },
    },
    readOnly(storageClasses),
    {
      type: pods,
      keys(pod, { old }) {
        const volume = recycledBy(pod);
        return volume && old?.status?.phase !== pod.status?.phase ? [volumeKey(volume)] : [];
      },
    },
  ],
  start(context) {
    const ticking = context.clock.every(resyncMs, () => {
      for (const claim of context.lister(persistentVolumeClaims).list()) if (claim.status?.phase !== 'Bound') context.enqueue(claimKey(keyOf(claim)));
      for (const volume of context.lister(persistentVolumes).list()) if (volume.status?.phase !== 'Bound') context.enqueue(volumeKey(volume.metadata.name!));
    });
    context.signal.addEventListener('abort', () => ticking.cancel(), { once: true });
  },
  async reconcile(key, context) {
    const [kind, name] = [key.slice(0, key.indexOf(':')), key.slice(key.indexOf(':') + 1)];
    if (kind === 'claim') {
      const claim = context.lister(persistentVolumeClaims).get(name);
      if (claim) await (claim.metadata.annotations?.[bindCompleted] === undefined ? syncUnbound(claim, context) : syncBound(claim, context));
    } else {
      const volume = context.lister(persistentVolumes).get(name);
      if (volume) await syncVolume(volume, context);
    }
    return done;
  },
});

async function syncUnbound(claim: PersistentVolumeClaim, context: ControllerContext): Promise<void> {
  const { lister, recorder } = context;
  const about = referenceTo(persistentVolumeClaims, claim);
  if (!claim.spec?.volumeName) {
    const delay = lister(storageClasses).get(classOf(claim))?.volumeBindingMode === 'WaitForFirstConsumer';
    const volume = findVolume(lister(persistentVolumes).list(), claim, { delay });
    if (volume) return bind(volume, claim, context);
    if (await assignDefaultClass(claim, context)) return;
    if (delay && claim.metadata.annotations?.[selectedNode] === undefined) {
      const waiting = podsWaiting(claim, context);
      if (waiting.length === 1) recorder.event(about, 'Normal', 'WaitForPodScheduled', `waiting for pod ${waiting[0]} to be scheduled`);
      else if (waiting.length > 1) recorder.event(about, 'Normal', 'WaitForPodScheduled', `waiting for pods ${waiting.join(',')} to be scheduled`);
      else recorder.event(about, 'Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding');
    } else if (classOf(claim)) return provision(claim, context);
    else recorder.event(about, 'Normal', 'FailedBinding', 'no persistent volumes available for this claim and no storage class is set');
    return writeClaimPhase(claim, 'Pending', undefined, context);
  }
  const volume = lister(persistentVolumes).get(claim.spec.volumeName);
  if (!volume) return writeClaimPhase(claim, 'Pending', undefined, context);
  if (volume.spec?.claimRef) {
    if (isMeantFor(volume, claim)) return bind(volume, claim, context);
    recorder.event(about, 'Warning', 'FailedBinding', `volume ${JSON.stringify(volume.metadata.name)} already bound to a different claim.`);
    if (claim.metadata.annotations?.[byController] === undefined) return writeClaimPhase(claim, 'Pending', undefined, context);
    throw new Error(`invalid binding of claim ${JSON.stringify(keyOf(claim))} to volume ${JSON.stringify(volume.metadata.name)}: volume already claimed by ${JSON.stringify(`${volume.spec.claimRef.namespace}/${volume.spec.claimRef.name}`)}`);
  }
  const why = mismatch(volume, claim);
  if (why === undefined) return bind(volume, claim, context);
  recorder.event(about, 'Warning', 'VolumeMismatch', `Cannot bind to requested volume ${JSON.stringify(volume.metadata.name)}: ${why}`);
  return writeClaimPhase(claim, 'Pending', undefined, context);
}

async function syncBound(claim: PersistentVolumeClaim, context: ControllerContext): Promise<void> {
  const lose = async (reason: string, message: string) => {
    if (claim.status?.phase !== 'Lost') context.recorder.event(referenceTo(persistentVolumeClaims, claim), 'Warning', reason, message);
    await writeClaimPhase(claim, 'Lost', undefined, context);
  };
  if (!claim.spec?.volumeName) return lose('ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!');
  const volume = context.lister(persistentVolumes).get(claim.spec.volumeName);
  if (!volume) return lose('ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
  const ref = volume.spec?.claimRef;
  if (!ref || ref.uid === claim.metadata.uid) return bind(volume, claim, context);
  return lose('ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
}

/** Points both at each other; each step can be repeated, should the one after it fail. */
async function bind(volume: PersistentVolume, claim: PersistentVolumeClaim, context: ControllerContext): Promise<void> {
  const { client, signal } = context;
  let bound = volume;
  const ref = volume.spec?.claimRef;
  if (ref?.uid !== claim.metadata.uid || !isMeantFor(volume, claim)) {
    const next = clone(volume);
    if (!ref) next.metadata.annotations = { ...next.metadata.annotations, [byController]: 'yes' };
    next.spec = { ...next.spec!, claimRef: referenceTo(persistentVolumeClaims, claim) };
    bound = await client.update(persistentVolumes, next, { signal });
  }
  bound = await writeVolumePhase(bound, 'Bound', '', context);
  let owner = claim;
  if (claim.spec?.volumeName !== volume.metadata.name || claim.metadata.annotations?.[bindCompleted] === undefined) {
    const next = clone(claim);
    next.metadata.annotations = { ...next.metadata.annotations, ...(claim.spec?.volumeName !== volume.metadata.name && { [byController]: 'yes' }), [bindCompleted]: 'yes' };
    next.spec = { ...next.spec!, volumeName: volume.metadata.name };
    owner = await client.update(persistentVolumeClaims, next, { signal });
  }
  await writeClaimPhase(owner, 'Bound', bound, context);
}

const podsWaiting = (claim: PersistentVolumeClaim, { lister }: ControllerContext): string[] =>
  lister(pods).inNamespace(claim.metadata.namespace!).filter((pod) => !isPodTerminal(pod) && !pod.spec?.nodeName && claimsOfPod(pod).includes(claim.metadata.name!)).map((pod) => pod.metadata.name!);

async function syncVolume(volume: PersistentVolume, context: ControllerContext): Promise<void> {
  const { client, lister, recorder, signal } = context;
  const ref = volume.spec?.claimRef;
  // A reference without uid is a wish: the claim, when it comes, will be bound.
  if (!ref?.uid) return void (await writeVolumePhase(volume, 'Available', '', context));
  let claim = lister(persistentVolumeClaims).get(`${ref.namespace}/${ref.name}`);
  const gone = volume.status?.phase === 'Released' || volume.status?.phase === 'Failed';
  // The cache may be behind whoever bound the volume; data is not given up for that.
  if (claim ? claim.metadata.uid !== ref.uid : !gone) {
    claim = await client.get(persistentVolumeClaims, ref.name!, { namespace: ref.namespace, signal }).catch((error) => {
      if (!isNotFound(error)) throw error;
      return undefined;
    });
  }
  const release = async () => reclaim(gone ? volume : await writeVolumePhase(volume, 'Released', '', context), context);
  if (!claim || claim.metadata.uid !== ref.uid) return release();
  if (!claim.spec?.volumeName) {
    if (modeOf(claim) !== modeOf(volume)) {
      recorder.event(referenceTo(persistentVolumes, volume), 'Warning', 'VolumeMismatch', `Cannot bind PersistentVolume to requested PersistentVolumeClaim ${JSON.stringify(claim.metadata.name)} due to incompatible volumeMode.`);
      recorder.event(referenceTo(persistentVolumeClaims, claim), 'Warning', 'VolumeMismatch', `Cannot bind PersistentVolume ${JSON.stringify(volume.metadata.name)} to requested PersistentVolumeClaim due to incompatible volumeMode.`);
      return;
    }
    return context.enqueue(claimKey(keyOf(claim)));
  }
  if (claim.spec.volumeName === volume.metadata.name) return void (await writeVolumePhase(volume, 'Bound', '', context));
  // The claim was given another volume meanwhile; what was made for it alone goes.
  if (volume.metadata.annotations?.[provisionedBy] !== undefined && volume.spec?.persistentVolumeReclaimPolicy === 'Delete') return release();
  await unbind(volume, context);
}

async function writeClaimPhase(claim: PersistentVolumeClaim, phase: 'Pending' | 'Bound' | 'Lost', volume: PersistentVolume | undefined, { client, signal }: ControllerContext): Promise<void> {
  const { accessModes: _, capacity: __, currentVolumeAttributesClassName: ___, ...rest } = claim.status ?? {};
  const capacity = volume?.metadata.annotations?.[preResizeCapacity] ?? volume?.spec?.capacity?.storage;
  const attributesClass = volume?.spec?.volumeAttributesClassName;
  // A capacity that was grown is the resizer's to report.
  const kept = claim.status?.phase === 'Bound' ? claim.status.capacity : undefined;
  const status = { ...rest, phase, ...(volume && { accessModes: volume.spec?.accessModes, capacity: kept ?? (capacity ? { storage: capacity } : undefined), ...(attributesClass && { currentVolumeAttributesClassName: attributesClass }) }) };
  if (!semanticallyEqual(status, claim.status)) await client.updateStatus(persistentVolumeClaims, { ...claim, status }, { signal });
}
