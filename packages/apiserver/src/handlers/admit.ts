import type { KubeObject } from '@pilothouse/apimachinery';
import { annotate } from '../audit/annotations.ts';
import type { AdmissionAttributes } from '../contract.ts';
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

/** Runs mutating admission on `object`, in place. @throws StatusError */
export async function mutate(call: Call, admission: Admission): Promise<void> {
  if (!call.core.admission.length) return;
  const attributes = attributesOf(call, admission);
  for (const plugin of call.core.admission) {
    const running = plugin.operations.includes(admission.operation) ? plugin.mutate?.(attributes) : undefined;
    if (running) await running;
  }
}

/** Runs validating admission. @throws StatusError */
export async function admit(call: Call, admission: Admission): Promise<void> {
  if (!call.core.admission.length) return;
  const attributes = attributesOf(call, admission);
  for (const plugin of call.core.admission) {
    const running = plugin.operations.includes(admission.operation) ? plugin.validate?.(attributes) : undefined;
    if (running) await running;
  }
}

