/** Events that may make a pod schedulable, and which registrations they meet: k8s.io/kube-scheduler/framework. */

/** Bits, in upstream's order: a wider event never meets a narrower registration. */
export const Action = {
  Add: 1 << 0,
  Delete: 1 << 1,
  UpdateNodeAllocatable: 1 << 2,
  UpdateNodeLabel: 1 << 3,
  UpdateNodeTaint: 1 << 4,
  UpdateNodeCondition: 1 << 5,
  UpdateNodeAnnotation: 1 << 6,
  UpdateNodeDeclaredFeature: 1 << 7,
  UpdatePodLabel: 1 << 8,
  UpdatePodScaleDown: 1 << 9,
  UpdatePodToleration: 1 << 10,
  UpdatePodSchedulingGatesEliminated: 1 << 11,
  UpdatePodGeneratedResourceClaim: 1 << 12,
  /** Every kind of update. */
  Update: ((1 << 14) - 1) & ~0b11,
  All: (1 << 14) - 1,
} as const;
export type ActionName = keyof typeof Action;

export type EventResource =
  | 'Pod' | 'AssignedPod' | 'UnschedulablePod' | 'Node' | 'PersistentVolume' | 'PersistentVolumeClaim' | 'storage.k8s.io/CSINode' | 'storage.k8s.io/CSIDriver'
  | 'storage.k8s.io/CSIStorageCapacity' | 'storage.k8s.io/StorageClass' | 'storage.k8s.io/VolumeAttachment' | 'resource.k8s.io/ResourceClaim' | 'resource.k8s.io/ResourceSlice' | 'resource.k8s.io/DeviceClass' | '*';

export interface ClusterEvent {
  readonly resource: EventResource;
  /** Bits of `Action`. */
  readonly action: number;
  /** For logs and metrics: `NodeAdd`, `AssignedPodDelete`. */
  readonly label: string;
}

export const clusterEvent = (resource: EventResource, action: ActionName): ClusterEvent => ({ resource, action: Action[action], label: `${resource.split('/').at(-1)}${action}` });

export const unschedulableTimeout: ClusterEvent = { resource: '*', action: Action.All, label: 'UnschedulableTimeout' };
export const forceActivate: ClusterEvent = { resource: '*', action: Action.All, label: 'ForceActivate' };

export const isWildcard = (event: { resource: EventResource; action: number }): boolean => event.resource === '*' && event.action === Action.All;

/** Whether a registration covers an event. */
export const covers = (registered: { resource: EventResource; action: number }, event: { resource: EventResource; action: number }): boolean =>
  isWildcard(registered) || (sameResource(registered.resource, event.resource) && (registered.action & event.action) !== 0 && event.action <= registered.action);

const sameResource = (registered: EventResource, resource: EventResource) => registered === '*' || registered === resource || (registered === 'Pod' && (resource === 'AssignedPod' || resource === 'UnschedulablePod'));

/** Names of the actions in a set of bits, by upstream's order. */
export function actionNames(action: number): ActionName[] {
  if (action === Action.All) return ['All'];
  const names: ActionName[] = [];
  let left = action;
  if ((left & Action.Update) === Action.Update) {
    names.push('Update');
    left &= ~Action.Update;
  }
  for (const [name, bit] of Object.entries(Action)) if (name !== 'All' && name !== 'Update' && left & bit) names.push(name as ActionName);
  return names.sort();
}
