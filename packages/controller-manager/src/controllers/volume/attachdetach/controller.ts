import type { PersistentVolume, PersistentVolumeClaim, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { VolumeAttachment } from '@pilothouse/api-schemas/types/storage/v1';
import { csiDrivers, isAlreadyExists, isNotFound, nodes, persistentVolumeClaims, persistentVolumes, pods, volumeAttachments } from '@pilothouse/apimachinery';
import { patchStatus, referenceTo } from '@pilothouse/client';
import { type ControllerContext, defineController, done, itself, readOnly, requeueAfter, type Result } from '@pilothouse/controller-runtime';
import { podsByNode } from '../../nodelifecycle/controller.ts';
import { claimsOfPod } from '../protection/controller.ts';
import { attachedVolumes, attachmentName, holdsVolumes, isManaged, maxWaitForUnmountMs, multiAttachMessage, planAttachments, uniqueName } from './plan.ts';

const byVolume = 'persistentVolume';
const byClaim = 'claim';
const byNode = 'node';
const volumeOf = (attachment: VolumeAttachment): string[] => (attachment.spec.source.persistentVolumeName ? [attachment.spec.source.persistentVolumeName] : []);
const claimKeys = (pod: Pod): string[] => claimsOfPod(pod).map((name) => `${pod.metadata.namespace}/${name}`);

interface State {
  /** When attachments were first seen unwanted, by uid; unknown after a restart, when the wait begins anew. */
  unwanted: Map<string, number>;
  /** What pods were told of last, by the attachment's uid or the pod's. */
  told: Map<string, string>;
}

/**
 * Has drivers attach the volumes of pods to their nodes, and detach them after: by VolumeAttachments, which the
 * drivers' attachers carry out. @see https://kubernetes.io/docs/concepts/storage/volumes/#csi
 */
export const attachDetachController = defineController<State>({
  name: 'persistentvolume-attach-detach-controller',
  aliases: ['attachdetach'],
  serviceAccount: 'attachdetach-controller',
  eventSource: 'attachdetach-controller',
  // One volume at a time, as their nodes' lists are written whole.
  workers: 1,
  watches: [
    { type: pods, indexes: { [byClaim]: claimKeys, ...podsByNode }, keys: (pod: Pod, _change, context) => (pod.spec?.nodeName ? volumesOfPod(pod, context) : []) },
    { type: persistentVolumeClaims, keys: volumeNames },
    itself(persistentVolumes),
    { type: volumeAttachments, indexes: { [byVolume]: volumeOf, [byNode]: ({ spec }: VolumeAttachment) => [spec.nodeName] }, keys: volumeOf },
    {
      type: nodes,
      *keys(node, { old, deleted }, context) {
        const { lister } = context;
        const name = node.metadata.name!;
        const released = !old || deleted || old.status?.volumesInUse?.join() !== node.status?.volumesInUse?.join() || old.spec?.taints?.length !== node.spec?.taints?.length;
        if (released) for (const attachment of lister(volumeAttachments).byIndex(byNode, name)) yield* volumeOf(attachment);
        // Pods may have been bound before the node's kubelet said who attaches.
        if (!old || isManaged(old) !== isManaged(node)) for (const pod of lister(pods).byIndex('nodeName', name)) yield* volumesOfPod(pod, context);
      },
    },
    readOnly(csiDrivers),
  ],
  start: () => ({ unwanted: new Map(), told: new Map() }),
  async reconcile(name, context, state) {
    const volume = context.lister(persistentVolumes).get(name);
    const { csi } = volume?.spec ?? {};
    // A driver that says nothing of itself is taken to need attaching.
    if (!volume || !csi || context.lister(csiDrivers).get(csi.driver)?.spec?.attachRequired === false) return done;
    return sync(volume, context, state);
  },
});

const volumesOfPod = (pod: Pod, { lister }: ControllerContext): string[] => claimKeys(pod).flatMap((key) => volumeNames(lister(persistentVolumeClaims).get(key)));

function volumeNames(claim: PersistentVolumeClaim | undefined): string[] {
  return claim?.spec?.volumeName ? [claim.spec.volumeName] : [];
}

async function sync(volume: PersistentVolume, context: ControllerContext, state: State): Promise<Result> {
  const { client, clock, lister, recorder, signal } = context;
  const attachments = lister(volumeAttachments).byIndex(byVolume, volume.metadata.name!);
  const users = usersOf(volume, context);
  const onNode = (node: string) => users.filter((pod) => pod.spec!.nodeName === node);
  const nowMs = clock.now();
  for (const attachment of attachments) {
    const { uid } = attachment.metadata;
    if (onNode(attachment.spec.nodeName).length) state.unwanted.delete(uid!);
    else if (!state.unwanted.has(uid!)) state.unwanted.set(uid!, nowMs);
  }
  const plan = planAttachments(volume, users, attachments, { node: (name) => lister(nodes).get(name), sinceMs: ({ metadata }) => state.unwanted.get(metadata.uid!) ?? nowMs, nowMs });
  const tell = (pod: Pod, key: string, type: 'Normal' | 'Warning', message: string) => {
    if (state.told.get(key) === message) return;
    recorder.event(referenceTo(pods, pod), type, type === 'Normal' ? 'SuccessfulAttachVolume' : 'FailedAttachVolume', message);
  };

  for (const attachment of plan.detach) {
    // The node is told first, so that no kubelet starts a pod on what is about to go.
    await report(volume, attachment.spec.nodeName, false, context);
    await client.delete(volumeAttachments, attachment.metadata.name!, { preconditions: { uid: attachment.metadata.uid }, signal }).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
    state.unwanted.delete(attachment.metadata.uid!);
    state.told.delete(attachment.metadata.uid!);
  }
  for (const pod of plan.blocked) {
    // Once for as long as it lasts.
    if (state.told.has(pod.metadata.uid!)) continue;
    const message = multiAttachMessage(volume, pod, users.filter((other) => attachments.some(({ spec }) => spec.nodeName === other.spec!.nodeName)));
    tell(pod, pod.metadata.uid!, 'Warning', message);
    state.told.set(pod.metadata.uid!, message);
  }
  for (const pod of users) if (!plan.blocked.includes(pod)) state.told.delete(pod.metadata.uid!);
  for (const nodeName of plan.attach) {
    const attachment: VolumeAttachment = { metadata: { name: attachmentName(volume, nodeName) }, spec: { attacher: volume.spec!.csi!.driver, nodeName, source: { persistentVolumeName: volume.metadata.name } } };
    await client.create(volumeAttachments, attachment, { signal }).catch((error) => {
      if (!isAlreadyExists(error)) throw error;
    });
  }
  for (const attachment of attachments) {
    const { nodeName } = attachment.spec;
    const { uid, deletionTimestamp } = attachment.metadata;
    if (deletionTimestamp || plan.detach.includes(attachment)) continue;
    const { attached, attachError } = attachment.status ?? { attached: false };
    if (attached) await report(volume, nodeName, true, context);
    const message = attached ? `AttachVolume.Attach succeeded for volume ${JSON.stringify(volume.metadata.name)} ` : attachError ? `AttachVolume.Attach failed for volume ${JSON.stringify(volume.metadata.name)} : ${attachError.message ?? ''}` : undefined;
    if (!message) continue;
    for (const pod of onNode(nodeName)) tell(pod, uid!, attached ? 'Normal' : 'Warning', message);
    state.told.set(uid!, message);
  }
  const longest = Math.max(...plan.waiting.map(({ metadata }) => state.unwanted.get(metadata.uid!)! + maxWaitForUnmountMs + 1 - nowMs));
  return plan.waiting.length ? requeueAfter(Math.max(longest, 1000)) : done;
}

/** Pods that hold the volume through its claim. */
function usersOf({ spec, metadata }: PersistentVolume, { lister }: ControllerContext): Pod[] {
  const { namespace, name, uid } = spec?.claimRef ?? {};
  const claim = lister(persistentVolumeClaims).get(`${namespace}/${name}`);
  if (!claim || claim.metadata.uid !== uid || claim.spec?.volumeName !== metadata.name) return [];
  return lister(pods).byIndex(byClaim, `${namespace}/${name}`).filter(holdsVolumes);
}

async function report(volume: PersistentVolume, nodeName: string, attached: boolean, { client, lister, signal }: ControllerContext): Promise<void> {
  if (!lister(nodes).get(nodeName)) return;
  try {
    const node = await client.get(nodes, nodeName, { signal });
    const volumesAttached = attachedVolumes(node, uniqueName(volume), attached);
    if (volumesAttached) await patchStatus(client, nodes, nodeName, { volumesAttached }, { signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
