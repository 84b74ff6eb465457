import type { PersistentVolume, PersistentVolumeClaim, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { messageOf } from '@pilothouse/base/errors';
import type { PluginHandle } from '../../contract.ts';
import { objectKey } from '../../objects.ts';
import { isNewer } from '../../volumes/assumed.ts';
import { fullyBound, labelsOf, missing, selectedNodeAnnotation, volumeReaches } from '../../volumes/storage.ts';
import type { PodVolumes } from './find-volumes.ts';

/** Writes what Reserve decided, then waits until the volume controller has bound everything. @throws Error */
export async function bindVolumes(pod: Pod, node: string, volumes: PodVolumes, handle: PluginHandle, timeoutMs: number): Promise<void> {
  for (const binding of volumes.bindings) binding.volume = await handle.actions.updateVolume(binding.volume);
  for (const provision of volumes.provisions) provision.claim = await handle.actions.updateClaim(provision.claim);
  try {
    await handle.actions.waitUntil(() => bound(pod, node, volumes, handle), timeoutMs);
  } catch (error) {
    throw new Error(`binding volumes: ${messageOf(error)}`, { cause: error });
  }
}

/** Whether all is bound. @throws Error where it never will be. */
function bound(pod: Pod, nodeName: string, volumes: PodVolumes, { objects, snapshot }: PluginHandle): boolean {
  const index = snapshot.indexOf(nodeName);
  const node = index < 0 ? undefined : snapshot.nodes[index];
  if (!node) throw new Error(`failed to get node ${JSON.stringify(nodeName)}: ${missing('node', nodeName)}`);
  const mustReach = (volume: PersistentVolume) => {
    if (!volumeReaches(volume, labelsOf(node))) throw new Error(`pv ${JSON.stringify(volume.metadata.name)} node affinity doesn't match node ${JSON.stringify(nodeName)}: no matching NodeSelectorTerms`);
  };
  const claimNow = (claim: PersistentVolumeClaim, what: string): PersistentVolumeClaim => {
    const now = objects.persistentVolumeClaims.get(objectKey(claim));
    if (!now) throw new Error(`failed to check ${what}: could not find v1.PersistentVolumeClaim "${objectKey(claim)}"`);
    return now;
  };
  for (const { volume, claim } of volumes.bindings) {
    const now = objects.persistentVolumes.get(volume.metadata.name!);
    if (!now) throw new Error(`failed to check binding: could not find v1.PersistentVolume "${volume.metadata.name}"`);
    const claimObject = claimNow(claim, 'binding');
    if (isNewer(volume, now)) return false;
    mustReach(now);
    if (!now.spec?.claimRef?.uid) throw new Error(`ClaimRef got reset for pv ${JSON.stringify(now.metadata.name)}`);
    if (!fullyBound(claimObject)) return false;
  }
  for (const { claim } of volumes.provisions) {
    const now = claimNow(claim, 'provisioning pvc');
    if (isNewer(claim, now)) return false;
    if (!now.metadata.annotations) throw new Error(`selectedNode annotation reset for PVC ${JSON.stringify(now.metadata.name)}`);
    if (now.metadata.annotations[selectedNodeAnnotation] !== nodeName) throw new Error(`provisioning failed for PVC ${JSON.stringify(now.metadata.name)}`);
    if (now.spec?.volumeName) {
      const volume = objects.persistentVolumes.get(now.spec.volumeName);
      if (!volume) return false;
      mustReach(volume);
    }
    if (!fullyBound(now)) return false;
  }
  void pod;
  return true;
}
