/** Steps that follow what a namespace's annotations say of its pods. Off unless asked for. */
import type { Toleration } from '@pilothouse/api-schemas/types/core/v1';
import { internalError, matcherOfSet, namespaces } from '@pilothouse/apimachinery';
import { isDeepStrictEqual } from 'node:util';
import type { AdmissionAttributes, AdmissionPlugin } from '../contract.ts';
import { isAbout, refuse } from './refuse.ts';
import { isSuperset, mergeTolerations } from './tolerations.ts';
import { isBestEffort } from '@pilothouse/apimachinery/quota/scopes';

const concerns = (a: AdmissionAttributes) => isAbout(a, 'pods') && !a.subresource && !!a.object?.spec;

async function annotationsOf(a: AdmissionAttributes): Promise<Record<string, string>> {
  const namespace = await a.read.get(namespaces, a.namespace);
  if (!namespace) throw internalError(`namespace ${a.namespace} not found`);
  return namespace.metadata.annotations ?? {};
}

/** `a=b,c=d` */
function parseSet(text: string): Record<string, string> {
  const set: Record<string, string> = {};
  for (const pair of text.split(',').map((p) => p.trim()).filter(Boolean)) {
    const [key, value = ''] = pair.split('=');
    set[key.trim()] = value.trim();
  }
  return set;
}

const nodeSelectorAnnotation = 'scheduler.alpha.kubernetes.io/node-selector';

/** `selectors`: `clusterDefaultNodeSelector`, and per namespace what its pods may select at all. */
export const podNodeSelector = (selectors: Readonly<Record<string, string>> = {}): AdmissionPlugin => {
  const selectorOf = async (a: AdmissionAttributes) => parseSet((await annotationsOf(a))[nodeSelectorAnnotation] ?? selectors.clusterDefaultNodeSelector ?? '');
  return {
    name: 'PodNodeSelector',
    operations: ['CREATE'],
    async mutate(a) {
      if (!concerns(a)) return;
      const wanted = await selectorOf(a);
      const held: Record<string, string> = a.object.spec.nodeSelector ?? {};
      if (Object.entries(wanted).some(([key, value]) => key in held && held[key] !== value)) throw refuse(a, 'pod node label selector conflicts with its namespace node label selector');
      if (Object.keys(wanted).length) a.object.spec.nodeSelector = { ...wanted, ...held };
    },
    async validate(a) {
      if (!concerns(a)) return;
      const held: Record<string, string> = a.object.spec.nodeSelector ?? {};
      if (!matcherOfSet(await selectorOf(a)).matches(held)) throw refuse(a, 'pod node label selector conflicts with its namespace node label selector');
      const allowed = selectors[a.namespace];
      if (allowed !== undefined && Object.entries(parseSet(allowed)).some(([key, value]) => key in held && held[key] !== value)) throw refuse(a, 'pod node label selector labels conflict with its namespace whitelist');
    },
  };
};

export interface TolerationRestriction {
  /** For namespaces without annotations. */
  default?: readonly Toleration[];
  whitelist?: readonly Toleration[];
}

function tolerationsIn(annotations: Record<string, string>, key: string): Toleration[] | undefined {
  const text = annotations[`scheduler.alpha.kubernetes.io/${key}`];
  if (text === undefined) return undefined;
  try {
    const parsed = text ? JSON.parse(text) : [];
    if (Array.isArray(parsed)) return parsed;
  } catch {
    // Told below, as for any other value that is no list.
  }
  throw internalError(`annotation scheduler.alpha.kubernetes.io/${key} is not a list of tolerations`);
}

const memoryPressure: Toleration = { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' };

export const podTolerationRestriction = (cluster: TolerationRestriction = {}): AdmissionPlugin => ({
  name: 'PodTolerationRestriction',
  operations: ['CREATE', 'UPDATE'],
  async mutate(a) {
    if (!concerns(a)) return;
    const { spec } = a.object;
    let tolerations: Toleration[] = spec.tolerations ?? [];
    if (a.operation === 'CREATE') tolerations = mergeTolerations(tolerations, tolerationsIn(await annotationsOf(a), 'defaultTolerations') ?? cluster.default ?? []);
    if (!isBestEffort(a.object)) tolerations = mergeTolerations(tolerations, [memoryPressure]);
    if (tolerations.length) spec.tolerations = tolerations;
  },
  async validate(a) {
    if (!concerns(a)) return;
    const allowed = tolerationsIn(await annotationsOf(a), 'tolerationsWhitelist') ?? cluster.whitelist ?? [];
    const tolerations: Toleration[] = a.object.spec.tolerations ?? [];
    // The one that is added here for all but best-effort pods is nobody's to forbid.
    const others = tolerations.filter((t) => !isDeepStrictEqual(t, memoryPressure));
    if (allowed.length && others.some((t) => !allowed.some((w) => isSuperset(w, t)))) throw refuse(a, 'pod tolerations (possibly merged with namespace default tolerations) conflict with its namespace whitelist');
  },
});
