import { type ApiResponse, badRequestError, conflictError, type FieldError, goQuote, type KubeObject, notSupported, required } from '@pilothouse/apimachinery';
import { typeOfKind } from '@pilothouse/api-schemas';
import type { Binding, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { formatTime } from '@pilothouse/base';
import { builtinCodec } from '../../objects/codec.ts';
import { decodeBody } from '../../objects/decode.ts';
import { plainError } from '../../request/errors.ts';
import { writeOptions } from '../../request/write-options.ts';
import { admit, mutate } from '../admit.ts';
import { answerValue, createdStatus } from '../answer.ts';
import type { Call } from '../call.ts';
import { rawUpdate } from '../raw-update.ts';

const codec = builtinCodec(typeOfKind('', 'v1', 'Binding')!.name);

type StoredPod = Pod & KubeObject;

/** `POST pods/x/binding`, and the older `POST bindings`: gives a pod its node. */
export async function bindPod(call: Call): Promise<ApiResponse> {
  const { core, request, info } = call;
  const options = writeOptions(info.query, 'CreateOptions');
  const binding = decodeBody<Binding & KubeObject>(request, { group: '', version: 'v1', kind: 'Binding', codec }, options.fieldValidation, call.warnings);
  const name = info.subresource ? info.name : (binding.metadata.name ?? '');
  if (info.subresource && binding.metadata.name && binding.metadata.name !== name) throw badRequestError('name in URL does not match name in Binding object');
  const { namespace } = binding.metadata;
  if (namespace && namespace !== info.namespace) throw badRequestError('the namespace of the provided object does not match the namespace sent on the request');
  binding.metadata.namespace = info.namespace;
  const admission = { operation: 'CREATE' as const, subresource: info.subresource, object: binding, old: undefined, dryRun: options.dryRun, options: {}, name };
  await mutate(call, admission);
  checkBinding(binding);
  await admit(call, admission);
  const pods = core.registry.find('', 'v1', 'pods')!;
  await rawUpdate<StoredPod>(core, pods, { namespace: info.namespace, name, dryRun: options.dryRun }, (pod) => assign(pod, binding, formatTime(core.clock.now())), copyForBinding);
  return answerValue(call, createdStatus, 201);
}

/** @throws StatusError 500, as kube-apiserver does for these */
function checkBinding({ target }: Binding): void {
  const errors: FieldError[] = [];
  if (target.kind && target.kind !== 'Node') errors.push(notSupported('target.kind', target.kind, ['Node', '<empty>']));
  if (!target.name) errors.push(required('target.name'));
  const texts = errors.map(({ field, message }) => `${field}: ${message}`);
  if (texts.length) throw plainError(texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`);
}

/** Copies what `assign` changes, and nothing below it: most of a pod is large and stays as it is. */
const copyForBinding = (pod: StoredPod): StoredPod => ({ ...pod, metadata: { ...pod.metadata }, spec: { ...pod.spec! }, status: { ...pod.status, conditions: [...(pod.status?.conditions ?? [])] } });

function assign(pod: StoredPod, binding: Binding & KubeObject, now: string): void {
  const { name = '' } = pod.metadata;
  const refuse = (why: string) => conflictError({ group: '', plural: 'pods/binding' }, name, why);
  const { uid, resourceVersion, annotations, labels } = binding.metadata;
  if (uid && uid !== pod.metadata.uid) throw refuse(`Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`);
  if (resourceVersion && resourceVersion !== pod.metadata.resourceVersion) throw refuse(`Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${pod.metadata.resourceVersion}`);
  if (pod.metadata.deletionTimestamp) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  const spec = pod.spec!;
  if (spec.nodeName) throw refuse(`pod ${name} is already assigned to node ${goQuote(spec.nodeName)}`);
  if (spec.schedulingGates?.length) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  spec.nodeName = binding.target.name;
  if (annotations) pod.metadata.annotations = { ...pod.metadata.annotations, ...annotations };
  for (const [key, value] of Object.entries(labels ?? {})) {
    const held = pod.metadata.labels?.[key];
    if (held !== undefined && held !== value) continue;
    pod.metadata.labels = { ...pod.metadata.labels, [key]: value };
  }
  const conditions = pod.status!.conditions!;
  const scheduled = { type: 'PodScheduled', status: 'True', lastProbeTime: null as unknown as string, lastTransitionTime: now };
  const at = conditions.findIndex((condition) => condition.type === 'PodScheduled');
  if (at < 0) conditions.push(scheduled);
  else if (conditions[at].status !== 'True') conditions[at] = scheduled;
  else conditions[at] = { ...scheduled, lastTransitionTime: conditions[at].lastTransitionTime };
}

