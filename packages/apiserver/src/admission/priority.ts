/** The number behind a pod's priority class; the class that is the default; the two of the system. */
import type { Pod, PodSpec } from '@pilothouse/api-schemas/types/core/v1';
import type { PriorityClass } from '@pilothouse/api-schemas/types/scheduling/v1';
import { priorityClasses } from '@pilothouse/apimachinery';
import { andThen, type Awaitable } from '@pilothouse/base';
import type { AdmissionAttributes, AdmissionPlugin } from '../contract.ts';
import { isAbout, refuse } from './refuse.ts';

const system: readonly PriorityClass[] = [
  { metadata: { name: 'system-node-critical' }, value: 2_000_001_000 },
  { metadata: { name: 'system-cluster-critical' }, value: 2_000_000_000 },
];

/** Of several defaults the lowest counts. */
const defaultClass = (a: AdmissionAttributes): Awaitable<PriorityClass | undefined> => andThen(a.read.list(priorityClasses), (classes) => {
  let low: PriorityClass | undefined;
  for (const c of classes) if (c.globalDefault && (!low || (c.value ?? 0) < (low.value ?? 0))) low = c;
  return low;
});

function prioritize(a: AdmissionAttributes): Awaitable<void> {
  const spec = (a.object as Pod).spec!;
  if (a.operation === 'UPDATE') {
    const old = (a.old as Pod).spec;
    // Not to be changed, so that what an old client leaves out is put back.
    spec.priority ??= old?.priority;
    spec.preemptionPolicy ??= old?.preemptionPolicy;
    return;
  }
  if (!spec.priorityClassName) return andThen(defaultClass(a), (chosen) => {
    if (chosen) spec.priorityClassName = chosen.metadata.name;
    settle(a, spec, chosen);
  });
  return andThen(a.read.get(priorityClasses, spec.priorityClassName), (found) => {
    const chosen = found ?? system.find((c) => c.metadata.name === spec.priorityClassName);
    if (!chosen) throw refuse(a, `no PriorityClass with name ${spec.priorityClassName} was found`);
    settle(a, spec, chosen);
  });
}

/** What the class says; the pod may say it too, but nothing else. */
function settle(a: AdmissionAttributes, spec: PodSpec, chosen: PriorityClass | undefined): void {
  const priority = chosen?.value ?? 0;
  if (spec.priority !== undefined && spec.priority !== null && spec.priority !== priority) throw refuse(a, `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`);
  spec.priority = priority;
  const policy = chosen?.preemptionPolicy ?? 'PreemptLowerPriority';
  if (spec.preemptionPolicy && spec.preemptionPolicy !== policy) throw refuse(a, `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`);
  spec.preemptionPolicy = policy;
}

export const priority: AdmissionPlugin = {
  name: 'Priority',
  operations: ['CREATE', 'UPDATE', 'DELETE'],
  mutate(a) {
    if (isAbout(a, 'pods') && !a.subresource && a.operation !== 'DELETE') return prioritize(a);
  },
  async validate(a) {
    if (!isAbout(a, 'scheduling.k8s.io/priorityclasses') || a.subresource) return;
    if (a.operation === 'DELETE') {
      if (system.some((c) => c.metadata.name === a.name)) throw refuse(a, 'this is a system priority class and cannot be deleted');
      return;
    }
    if (!a.object.globalDefault) return;
    const held = await defaultClass(a);
    if (held && (a.operation === 'CREATE' || held.metadata.name !== a.object.metadata.name)) throw refuse(a, `PriorityClass ${held.metadata.name} is already marked as default. Only one default can exist`);
  },
};
