/** What a pod that runs may become: no more than its node has, and nothing that its node cannot do. */
import type { Container, Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { compareQuantities, goQuote, milliValue, nodes, quantityValue, type StatusError } from '@pilothouse/apimachinery';
import { podRequests } from '@pilothouse/apimachinery/quota/pod-resources';
import { isDeepStrictEqual } from 'node:util';
import type { AdmissionAttributes, AdmissionPlugin } from '../contract.ts';
import { isAbout, refuse } from './refuse.ts';

/** Whether the spec of a pod on a node changes. */
const changes = (a: AdmissionAttributes) => isAbout(a, 'pods') && !!(a.object as Pod).spec?.nodeName && (a.object as Pod).metadata.generation !== (a.old as Pod).metadata.generation;

async function nodeOf(a: AdmissionAttributes): Promise<Node> {
  const name = (a.object as Pod).spec!.nodeName!;
  const node = await a.read.get(nodes, name);
  if (!node) throw refuse(a, `node ${goQuote(name)} not found`);
  return node;
}

function refuseFor(a: AdmissionAttributes, reason: string, why: string): StatusError {
  const error = refuse(a, why);
  error.status.details = { ...error.status.details, causes: [...(error.status.details?.causes ?? []), { reason }] };
  return error;
}

function tooMuch(pod: Pod, node: Node): string {
  const wanted = podRequests(pod);
  const allocatable = (node.status?.allocatable ?? {}) as Record<string, string>;
  const lacking = [
    ['cpu', milliValue],
    ['memory', quantityValue],
  ] as const;
  return lacking
    .map(([name, numberOf]) => [name, wanted[name] ?? '0', allocatable[name] ?? '0', numberOf] as const)
    .filter(([, requested, has]) => compareQuantities(requested, has) > 0)
    .map(([name, requested, has, numberOf]) => `${name}, requested: ${numberOf(requested)}, allocatable: ${numberOf(has)}`)
    .join('; ');
}

export const podResizeValidator: AdmissionPlugin = {
  name: 'PodResizeValidator',
  operations: ['UPDATE'],
  async validate(a) {
    if (a.subresource !== 'resize' || !changes(a)) return;
    const node = await nodeOf(a);
    const os = node.metadata.labels?.['kubernetes.io/os'];
    if (os !== undefined && os !== 'linux') throw refuseFor(a, 'UnsupportedPlatform', `pod resize is only supported on linux nodes, node ${goQuote(node.metadata.name!)} is ${goQuote(os)}`);
    const lacking = tooMuch(a.object, node);
    if (lacking) throw refuseFor(a, 'NodeCapacity', `node didn't have enough allocatable resources: ${lacking}`);
  },
};

const isSidecar = (container: Container) => container.restartPolicy === 'Always';

/** Features that a node must have declared for a change, in order. kep.k8s.io/5328 */
const needs: readonly (readonly [string, (old: Pod, now: Pod) => boolean])[] = [
  ['InPlacePodLevelResourcesVerticalScaling', (old, now) => !isDeepStrictEqual(old.spec!.resources, now.spec!.resources)],
  ['InPlacePodVerticalScalingInitContainers', (old, now) => (old.spec!.initContainers ?? []).some((c, i) => !isSidecar(c) && !isDeepStrictEqual(c.resources ?? {}, now.spec!.initContainers?.[i]?.resources ?? {}))],
];

export const nodeDeclaredFeatureValidator: AdmissionPlugin = {
  name: 'NodeDeclaredFeatureValidator',
  operations: ['UPDATE'],
  async validate(a) {
    if ((a.subresource && a.subresource !== 'resize') || !changes(a)) return;
    const needed = needs.filter(([, isNeeded]) => isNeeded(a.old, a.object)).map(([name]) => name);
    if (!needed.length) return;
    const node = await nodeOf(a);
    const lacking = needed.filter((name) => !node.status?.declaredFeatures?.includes(name));
    if (lacking.length) throw refuse(a, `pod update requires features ${lacking.join(', ')} which are not available on node ${goQuote(node.metadata.name!)}`);
  },
};
