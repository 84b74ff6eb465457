import type { Pod, Toleration } from '@pilothouse/api-schemas/types/core/v1';
import type { RuntimeClass } from '@pilothouse/api-schemas/types/node/v1';
import { compareQuantities, goQuote, runtimeClasses } from '@pilothouse/apimachinery';
import { isDeepStrictEqual } from 'node:util';
import type { AdmissionAttributes, AdmissionPlugin } from '../contract.ts';
import type { Resources } from '@pilothouse/apimachinery/quota/pod-resources';
import { isAbout, refuse } from './refuse.ts';

async function classOf(a: AdmissionAttributes): Promise<RuntimeClass | undefined> {
  const name = (a.object as Pod).spec?.runtimeClassName;
  if (!name) return undefined;
  const found = await a.read.get(runtimeClasses, name);
  if (!found) throw refuse(a, `pod rejected: RuntimeClass ${goQuote(name)} not found`);
  return found;
}

const sameAmounts = (x: Resources, y: Resources) => Object.keys(x).length === Object.keys(y).length && Object.entries(x).every(([name, amount]) => y[name] !== undefined && compareQuantities(amount, y[name]) === 0);

function schedule(a: AdmissionAttributes, pod: Pod, runtimeClass: RuntimeClass): void {
  const { nodeSelector, tolerations } = runtimeClass.scheduling ?? {};
  const spec = pod.spec!;
  for (const [key, value] of Object.entries(nodeSelector ?? {})) {
    const held = spec.nodeSelector?.[key];
    if (held !== undefined && held !== value) throw refuse(a, `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${held}`);
  }
  if (nodeSelector && Object.keys(nodeSelector).length) spec.nodeSelector = { ...spec.nodeSelector, ...nodeSelector };
  const added = (tolerations ?? []).filter((t: Toleration) => !(spec.tolerations ?? []).some((held) => isDeepStrictEqual(held, t)));
  if (added.length) spec.tolerations = [...(spec.tolerations ?? []), ...structuredClone(added)];
}

const concerns = (a: AdmissionAttributes) => isAbout(a, 'pods') && !a.subresource && !!a.object?.spec;

/** A pod's runtime class must exist; its overhead and placement become the pod's. */
export const runtimeClass: AdmissionPlugin = {
  name: 'RuntimeClass',
  operations: ['CREATE'],
  async mutate(a) {
    if (!concerns(a)) return;
    const found = await classOf(a);
    if (!found) return;
    const wanted = found.overhead?.podFixed as Resources | undefined;
    const pod = a.object as Pod;
    if (wanted) {
      if (pod.spec!.overhead && !sameAmounts(pod.spec!.overhead as Resources, wanted)) throw refuse(a, 'pod rejected: Pod\'s Overhead doesn\'t match RuntimeClass\'s defined Overhead');
      pod.spec!.overhead = { ...wanted };
    }
    schedule(a, pod, found);
  },
  async validate(a) {
    if (!concerns(a)) return;
    const wanted = (await classOf(a))?.overhead?.podFixed as Resources | undefined;
    const held = (a.object as Pod).spec!.overhead as Resources | undefined;
    if (held && !wanted) throw refuse(a, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
    if (wanted && !sameAmounts(held ?? {}, wanted)) throw refuse(a, 'pod rejected: Pod\'s Overhead doesn\'t match RuntimeClass\'s defined Overhead');
  },
};
