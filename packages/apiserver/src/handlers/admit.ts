import type { KubeObject } from '@pilothouse/apimachinery';
import { annotate } from '../audit/annotations.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../contract.ts';
import type { Call } from './call.ts';

export interface Admission {
  operation: AdmissionAttributes['operation'];
  subresource: string;
  object: unknown;
  old: unknown;
  dryRun: boolean;
  options: Record<string, unknown>;
  name?: string;
}

function attributesOf(call: Call, admission: Admission): AdmissionAttributes {
  const { core, info, user, resource, warnings } = call;
  const named = (admission.object ?? admission.old) as KubeObject | undefined;
  return {
    clock: core.clock,
    random: core.random,
    log: core.log,
    user,
    operation: admission.operation,
    resource: resource.definition,
    subresource: admission.subresource,
    namespace: resource.definition.type.plural === 'namespaces' && !resource.definition.type.group ? (admission.name ?? named?.metadata?.name ?? info.name) : info.namespace,
    name: admission.name ?? (info.name || (named?.metadata?.name ?? '')),
    object: admission.object,
    old: admission.old,
    dryRun: admission.dryRun,
    options: admission.options,
    read: core.read,
    warn: (text) => void warnings.push(text),
    annotate: (key, value) => annotate(call.request, key, value),
    authorize: (attributes) => core.authorize(attributes),
  };
}

type Operation = AdmissionAttributes['operation'];
type Chains = Record<Operation, { mutating: AdmissionPlugin[]; validating: AdmissionPlugin[] }>;
const chains = new WeakMap<readonly AdmissionPlugin[], Chains>();

/** Which plugins have a say, by operation; found out once. */
function chainsOf(plugins: readonly AdmissionPlugin[]): Chains {
  let known = chains.get(plugins);
  if (!known) {
    const of = (operation: Operation) => {
      const own = plugins.filter((plugin) => plugin.operations.includes(operation));
      return { mutating: own.filter((plugin) => plugin.mutate), validating: own.filter((plugin) => plugin.validate) };
    };
    known = { CREATE: of('CREATE'), UPDATE: of('UPDATE'), DELETE: of('DELETE'), CONNECT: of('CONNECT') };
    chains.set(plugins, known);
  }
  return known;
}

/** Runs mutating admission on `object`, in place. @throws StatusError */
export async function mutate(call: Call, admission: Admission): Promise<void> {
  const { mutating } = chainsOf(call.core.admission)[admission.operation];
  if (!mutating.length) return;
  const attributes = attributesOf(call, admission);
  for (const plugin of mutating) {
    const running = plugin.mutate!(attributes);
    if (running) await running;
  }
}

/** Runs validating admission. @throws StatusError */
export async function admit(call: Call, admission: Admission): Promise<void> {
  const { validating } = chainsOf(call.core.admission)[admission.operation];
  if (!validating.length) return;
  const attributes = attributesOf(call, admission);
  for (const plugin of validating) {
    const running = plugin.validate!(attributes);
    if (running) await running;
  }
}
