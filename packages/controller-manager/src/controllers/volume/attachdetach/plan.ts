/** Where a volume should be attached, and where no longer. Pure (k8s.io/kubernetes/pkg/controller/volume/attachdetach). */
import { createHash } from 'node:crypto';
import type { AttachedVolume, Node, PersistentVolume, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { VolumeAttachment } from '@pilothouse/api-schemas/types/storage/v1';
import { isPodTerminal, nodeCondition } from '@pilothouse/controller-runtime';

const managedAnnotation = 'volumes.kubernetes.io/controller-managed-attach-detach';
const outOfService = 'node.kubernetes.io/out-of-service';
/** So long a volume is waited for that a node no longer in health still has mounted. */
export const maxWaitForUnmountMs = 6 * 60_000;

/** Under which name nodes know the volume. */
export const uniqueName = (volume: PersistentVolume): string => `kubernetes.io/csi/${volume.spec!.csi!.driver}^${volume.spec!.csi!.volumeHandle}`;

/** What kubelets look for: its name is not theirs to choose either. */
export const attachmentName = (volume: PersistentVolume, node: string): string => `csi-${createHash('sha256').update(`${volume.spec!.csi!.volumeHandle}${volume.spec!.csi!.driver}${node}`).digest('hex')}`;

/** Whether this controller, and not the node's kubelet, attaches the node's volumes. */
export const isManaged = (node: Node): boolean => node.metadata.annotations?.[managedAnnotation] === 'true';

/** Volumes that may be on many nodes; of those that do not say, the driver decides. */
export const mayBeShared = ({ spec }: PersistentVolume): boolean => !spec?.accessModes?.length || spec.accessModes.some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany');

/** It is on a node, and its containers run or may yet. */
export function holdsVolumes(pod: Pod): boolean {
  if (!pod.spec?.nodeName || isPodTerminal(pod)) return false;
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {};
  const runs = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses].some(({ state }) => !state?.terminated && !state?.waiting);
  return !pod.metadata.deletionTimestamp || runs;
}

export interface AttachPlan {
  /** Nodes to attach the volume to. */
  attach: string[];
  /** Pods whose node cannot have the volume, as others have it. */
  blocked: Pod[];
  /** Attachments to end. */
  detach: VolumeAttachment[];
  /** Attachments to end as soon as their nodes let go of them. */
  waiting: VolumeAttachment[];
}

/** `users`: pods that hold the volume. `sinceMs`: when an attachment was first seen unwanted. */
export function planAttachments(volume: PersistentVolume, users: readonly Pod[], attachments: readonly VolumeAttachment[], options: { node(name: string): Node | undefined; sinceMs(attachment: VolumeAttachment): number; nowMs: number }): AttachPlan {
  const plan: AttachPlan = { attach: [], blocked: [], detach: [], waiting: [] };
  const wanted = new Map<string, Pod[]>();
  for (const pod of users) {
    const name = pod.spec!.nodeName!;
    const node = options.node(name);
    if (node && isManaged(node)) wanted.set(name, [...(wanted.get(name) ?? []), pod]);
  }
  const name = uniqueName(volume);
  for (const attachment of attachments) {
    const { nodeName } = attachment.spec;
    if (wanted.has(nodeName) || attachment.metadata.deletionTimestamp) continue;
    const node = options.node(nodeName);
    const inUse = node?.status?.volumesInUse?.includes(name) ?? false;
    const gone = !node || (node.spec?.taints?.some((taint) => taint.key === outOfService) ?? false);
    const overdue = node !== undefined && nodeCondition(node, 'Ready')?.status !== 'True' && options.nowMs - options.sinceMs(attachment) > maxWaitForUnmountMs;
    if (inUse && !gone && !overdue) plan.waiting.push(attachment);
    else plan.detach.push(attachment);
  }
  const elsewhere = (node: string) => attachments.some((attachment) => attachment.spec.nodeName !== node);
  for (const [node, pods] of wanted) {
    if (attachments.some((attachment) => attachment.spec.nodeName === node)) continue;
    if (!mayBeShared(volume) && (elsewhere(node) || plan.attach.length)) plan.blocked.push(...pods);
    else plan.attach.push(node);
  }
  return plan;
}

/** What a node is told is attached to it, with one volume there or not; undefined where it knows that. Volumes of others are left as they are. */
export function attachedVolumes(node: Node, name: string, attached: boolean): AttachedVolume[] | undefined {
  const known = node.status?.volumesAttached ?? [];
  if (known.some((volume) => volume.name === name) === attached) return undefined;
  return attached ? [...known, { name, devicePath: '' }] : known.filter((volume) => volume.name !== name);
}

/** Why a pod cannot have its volume, as the event says it. */
export function multiAttachMessage(volume: PersistentVolume, pod: Pod, holders: readonly Pod[]): string {
  const prefix = `Multi-Attach error for volume ${JSON.stringify(volume.metadata.name)} `;
  if (!holders.length) return `${prefix}Volume is already exclusively attached to one node and can't be attached to another`;
  const near = holders.filter((other) => other.metadata.namespace === pod.metadata.namespace).map((other) => other.metadata.name);
  const far = holders.length - near.length;
  if (!near.length) return `${prefix}Volume is already used by ${far} pod(s) in different namespaces`;
  return `${prefix}Volume is already used by pod(s) ${near.join(', ')}${far ? ` and ${far} pod(s) in different namespaces` : ''}`;
}
