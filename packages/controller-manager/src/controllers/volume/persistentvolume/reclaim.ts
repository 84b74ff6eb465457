/** What becomes of volumes whose claims are gone. */
import { rm } from 'node:fs/promises';
import { formatTime, messageOf } from '@pilothouse/base';
import type { PersistentVolume } from '@pilothouse/api-schemas/types/core/v1';
import { isNotFound, persistentVolumeClaims, persistentVolumes, pods } from '@pilothouse/apimachinery';
import { clone, referenceTo } from '@pilothouse/client';
import { type ControllerContext, isPodTerminal } from '@pilothouse/controller-runtime';
import { claimsOfPod } from '../protection/controller.ts';
import { recycle } from './recycle.ts';

export const byController = 'pv.kubernetes.io/bound-by-controller';
export const provisionedBy = 'pv.kubernetes.io/provisioned-by';
const migratedTo = 'pv.kubernetes.io/migrated-to';
const hostPathPlugin = 'kubernetes.io/host-path';

/** Who deletes a released volume: somebody outside, the host path's own deleter, or nobody (and why). Pure. */
export function deleterOf(volume: PersistentVolume): 'external' | 'host path' | { none: string } {
  const provisioner = volume.metadata.annotations?.[provisionedBy];
  if (provisioner) {
    if (provisioner === hostPathPlugin) return 'host path';
    if (!provisioner.startsWith('kubernetes.io/')) return 'external';
    return { none: provisioner === 'kubernetes.io/nfs' ? 'no deletable volume plugin matched' : `no volume plugin matched name: ${provisioner}` };
  }
  if (volume.metadata.annotations?.[migratedTo] !== undefined || volume.spec?.csi) return 'external';
  if (volume.spec?.hostPath) return 'host path';
  return { none: `error getting deleter volume plugin for volume ${JSON.stringify(volume.metadata.name)}: ${volume.spec?.nfs ? 'no deletable volume plugin matched' : 'no volume plugin matched'}` };
}

/** Writes phase and message where they are not so already; answers with the newest version. */
export async function writeVolumePhase(volume: PersistentVolume, phase: string, message: string, { client, clock, signal }: ControllerContext): Promise<PersistentVolume> {
  if (volume.status?.phase === phase && (volume.status.message ?? '') === message) return volume;
  const { message: _, ...rest } = volume.status ?? {};
  const status = { ...rest, phase, ...(message && { message }), lastPhaseTransitionTime: volume.status?.phase === phase ? volume.status.lastPhaseTransitionTime : formatTime(clock.now()) };
  return client.updateStatus(persistentVolumes, { ...volume, status }, { signal });
}

/** Makes a volume free that was bound by a controller; one that was bound by hand stays reserved for the claim's name. */
export async function unbind(volume: PersistentVolume, context: ControllerContext): Promise<void> {
  const next = clone(volume);
  if (volume.metadata.annotations?.[byController] !== undefined) {
    delete next.metadata.annotations![byController];
    delete next.spec!.claimRef;
  } else delete next.spec!.claimRef!.uid;
  await writeVolumePhase(await context.client.update(persistentVolumes, next, { signal: context.signal }), 'Available', '', context);
}

/** A released volume is kept, scrubbed or deleted, by whoever can. What failed is tried again whenever it is looked at. */
export async function reclaim(volume: PersistentVolume, context: ControllerContext): Promise<void> {
  const { client, lister, recorder, signal } = context;
  const about = referenceTo(persistentVolumes, volume);
  const fail = async (reason: string, message: string) => {
    if (volume.status?.phase !== 'Failed' || volume.status.message !== message) recorder.event(about, 'Warning', reason, message);
    await writeVolumePhase(volume, 'Failed', message, context);
  };
  if (volume.metadata.annotations?.[migratedTo]) return;
  switch (volume.spec?.persistentVolumeReclaimPolicy) {
    case 'Recycle': {
      const ref = volume.spec.claimRef!;
      const users = lister(pods).inNamespace(ref.namespace!).filter((pod) => !isPodTerminal(pod) && claimsOfPod(pod).includes(ref.name!)).map((pod) => `${ref.namespace}/${pod.metadata.name}`).sort();
      // A claim of the same name is another one, and its pods use another volume.
      if (users.length && !lister(persistentVolumeClaims).get(`${ref.namespace}/${ref.name}`)) return recorder.event(about, 'Normal', 'VolumeFailedRecycle', `Volume is used by pods: ${users.join(', ')}`);
      if (!volume.spec.hostPath && !volume.spec.nfs) return fail('VolumeFailedRecycle', 'No recycler plugin found for the volume!');
      const outcome = await recycle(volume, context);
      if (outcome === 'under way') return;
      if (outcome !== 'scrubbed') return fail('VolumeFailedRecycle', `Recycle failed: ${outcome.failed}`);
      recorder.event(about, 'Normal', 'VolumeRecycled', 'Volume recycled');
      return unbind(volume, context);
    }
    case 'Delete': {
      const deleter = deleterOf(volume);
      if (deleter === 'external') return;
      if (deleter !== 'host path') return fail('VolumeFailedDelete', deleter.none);
      const path = volume.spec.hostPath?.path;
      if (path === undefined) return fail('VolumeFailedDelete', `failed to create deleter for volume ${JSON.stringify(volume.metadata.name)}: spec.PersistentVolumeSource.HostPath is nil`);
      if (!/\/tmp\/.+/.test(path)) return fail('VolumeFailedDelete', `host_path deleter only supports /tmp/.+ but received provided ${path}`);
      try {
        await rm(path, { recursive: true, force: true });
      } catch (error) {
        return fail('VolumeFailedDelete', messageOf(error));
      }
      await client.delete(persistentVolumes, volume.metadata.name!, { signal }).catch((error) => {
        if (!isNotFound(error)) throw error;
      });
      return;
    }
    default:
      return;
  }
}
