import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { RuntimeClass } from '@pilothouse/api-schemas/types/node/v1';
import { compareQuantities, goQuote, runtimeClasses } from '@pilothouse/apimachinery';
import { andThen, type Awaitable } from '@pilothouse/base';
import type { AdmissionAttributes, AdmissionPlugin } from '../contract.ts';
import type { Resources } from '@pilothouse/apimachinery/quota/pod-resources';
import { plainError } from '../request/errors.ts';
import { isAbout, refuse } from './refuse.ts';
import { mergeTolerations } from './tolerations.ts';

function classOf(a: AdmissionAttributes): Awaitable<RuntimeClass | undefined> {
  const name = (a.object as Pod).spec?.runtimeClassName;
  if (name === undefined || name === null) return undefined;
  // Upstream's client refuses to ask for nothing.
  if (!name) throw plainError('resource name may not be empty');
  return andThen(a.read.get(runtimeClasses, name), (found) => {
    if (!found) throw refuse(a, `pod rejected: RuntimeClass ${goQuote(name)} not found`);
    return found;
  });
}

const fixedOf = (runtimeClass: RuntimeClass | undefined): Resources | undefined => runtimeClass?.overhead && ((runtimeClass.overhead.podFixed ?? {}) as Resources);
const sameAmounts = (x: Resources, y: Resources) => Object.keys(x).length === Object.keys(y).length && Object.entries(x).every(([name, amount]) => y[name] !== undefined && compareQuantities(amount, y[name]) === 0);

function schedule(a: AdmissionAttributes, pod: Pod, runtimeClass: RuntimeClass): void {
  if (!runtimeClass.scheduling) return;
  const { nodeSelector, tolerations = [] } = runtimeClass.scheduling;
  const spec = pod.spec!;
  for (const [key, value] of Object.entries(nodeSelector ?? {})) {
    const held = spec.nodeSelector?.[key];
    if (held !== undefined && held !== value) throw refuse(a, `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${held}`);
  }
  if (nodeSelector && Object.keys(nodeSelector).length) spec.nodeSelector = { ...spec.nodeSelector, ...nodeSelector };
  const merged = mergeTolerations(spec.tolerations ?? [], tolerations);
  if (merged.length) spec.tolerations = structuredClone(merged);
}

const concerns = (a: AdmissionAttributes) => isAbout(a, 'pods') && !a.subresource && !!a.object?.spec;

/** A pod's runtime class must exist; its overhead and placement become the pod's. */
export const runtimeClass: AdmissionPlugin = {
  name: 'RuntimeClass',
  operations: ['CREATE'],
  mutate(a) {
    if (!concerns(a)) return;
    return andThen(classOf(a), (found) => {
      if (!found) return;
      const wanted = fixedOf(found);
      const pod = a.object as Pod;
      if (wanted) {
        if (Object.keys(pod.spec!.overhead ?? {}).length && !sameAmounts(pod.spec!.overhead as Resources, wanted)) throw refuse(a, 'pod rejected: Pod\'s Overhead doesn\'t match RuntimeClass\'s defined Overhead');
        pod.spec!.overhead = { ...wanted };
      }
      schedule(a, pod, found);
    });
  },
  validate(a) {
    if (!concerns(a)) return;
    return andThen(classOf(a), (found) => {
      const wanted = fixedOf(found);
      const held = (a.object as Pod).spec!.overhead as Resources | undefined;
      if (held && !wanted) throw refuse(a, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
      if (wanted && !sameAmounts(held ?? {}, wanted)) throw refuse(a, 'pod rejected: Pod\'s Overhead doesn\'t match RuntimeClass\'s defined Overhead');
    });
  },
};
