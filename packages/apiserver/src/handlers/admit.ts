import type { KubeObject } from '@pilothouse/apimachinery';
import { andThen, type Awaitable } from '@pilothouse/base';
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
    replaced: false,
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

/** Asks one step after the other; without a promise as long as none of them waits. */
function askAll(steps: readonly AdmissionPlugin[], phase: 'mutate' | 'validate', attributes: AdmissionAttributes, from = 0): Awaitable<void> {
  for (let i = from; i < steps.length; i++) {
    const running = steps[i][phase]!(attributes);
    if (running) return running.then(() => askAll(steps, phase, attributes, i + 1));
  }
}

/** Runs mutating admission on `object`, in place. True: it is now what somebody outside made of it. @throws StatusError */
export function mutate(call: Call, admission: Admission): Awaitable<boolean> {
  const { mutating } = chainsOf(call.core.admission)[admission.operation];
  if (!mutating.length) return false;
  const attributes = attributesOf(call, admission);
  return andThen(askAll(mutating, 'mutate', attributes), () => attributes.replaced);
}

/** Runs validating admission. @throws StatusError */
export function admit(call: Call, admission: Admission): Awaitable<void> {
  const { validating } = chainsOf(call.core.admission)[admission.operation];
  if (validating.length) return askAll(validating, 'validate', attributesOf(call, admission));
}
