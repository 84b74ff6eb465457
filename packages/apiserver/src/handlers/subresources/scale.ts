import { type ApiResponse, formatLabelSelector, internalError, invalid, invalidError, type KubeObject, negativeText, notFoundError } from '@pilothouse/apimachinery';
import { typeOfKind } from '@pilothouse/api-schemas';
import type { Scale } from '@pilothouse/api-schemas/types/autoscaling/v1';
import type { ScaleAccess } from '../../contract.ts';
import { waitForRevision } from '../../cache/freshness.ts';
import { cloneJson } from '../../objects/clone.ts';
import { builtinCodec } from '../../objects/codec.ts';
import { type BodyKind, decodeBody } from '../../objects/decode.ts';
import { type WriteOptions, writeOptions } from '../../request/write-options.ts';
import { scaleColumns } from '../../table/scale.ts';
import { answerObject } from '../answer.ts';
import type { Call } from '../call.ts';
import { trackUpdate } from '../field-tracking.ts';
import { applyScale } from './scale-apply.ts';
import { acceptedPatch, bodyPatcher } from '../patch.ts';
import { checkName } from '../update.ts';
import { updateStored } from '../update-stored.ts';
import { prepareViews, viewOf, viewOfObject } from '../view.ts';

export const scaleType = typeOfKind('autoscaling', 'v1', 'Scale')!;
export const scaleKind: BodyKind = { group: 'autoscaling', version: 'v1', kind: 'Scale', codec: builtinCodec(scaleType.name) };

interface Replicated extends KubeObject {
  spec?: { replicas?: number; selector?: any };
  status?: { replicas?: number };
}

const workload: ScaleAccess<Replicated> = {
  replicas: (object) => object.spec?.replicas ?? 0,
  setReplicas: (object, replicas) => {
    const { replicas: _, ...spec } = object.spec ?? {};
    object.spec = replicas === undefined ? spec : { ...object.spec, replicas };
  },
  statusReplicas: (object) => object.status?.replicas ?? 0,
  selector: (object) => formatLabelSelector(object.spec?.selector),
};

/** Where the built-in kinds with a scale keep it. */
const builtin: Readonly<Record<string, ScaleAccess<Replicated>>> = {
  'deployments/apps': workload,
  'replicasets/apps': workload,
  'statefulsets/apps': workload,
  'replicationcontrollers/': {
    ...workload,
    selector: (object) => Object.entries((object.spec?.selector ?? {}) as Record<string, string>).map(([key, value]) => `${key}=${value}`).sort().join(','),
  },
};

export const scaleAccessOf = ({ definition }: Call['resource']): ScaleAccess => {
  const access = definition.scale ?? builtin[`${definition.type.plural}/${definition.type.group}`];
  if (!access) throw new Error(`Scale ${definition.type.plural}: where its replicas are kept is not declared`);
  return access;
};

/** The object's scale. */
export function scaleOf(access: ScaleAccess, object: KubeObject): Scale & KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const scale = {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace && { namespace }), uid, resourceVersion, creationTimestamp },
    spec: { replicas: access.replicas(object) },
    status: { replicas: access.statusReplicas(object), selector: access.selector(object) },
  };
  const decoded = scaleKind.codec.decode(scale).object;
  return { ...decoded, kind: scale.kind, apiVersion: scale.apiVersion };
}

/** Answers with a scale, which has columns of its own. */
export const answerScale = (call: Call, scale: KubeObject): ApiResponse => answerObject({ ...call, columns: scaleColumns }, viewOfObject(scale));

export async function getScale(call: Call): Promise<ApiResponse> {
  const { core, resource, info } = call;
  await waitForRevision(core, await core.store.revision());
  const entry = resource.stored!.cache.get(info.namespace, info.name);
  if (!entry) throw notFoundError(resource.subject, info.name);
  const ready = prepareViews(resource, [entry]);
  if (ready) await ready;
  const access = scaleAccessOf(resource);
  const { object } = viewOf(resource, entry);
  const why = access.absent?.(object);
  if (why) throw internalError(why);
  return answerScale(call, scaleOf(access, object));
}

export function updateScale(call: Call): Promise<ApiResponse> {
  const options = writeOptions(call.info.query, 'UpdateOptions');
  const given = decodeBody<Scale & KubeObject>(call.request, scaleKind, options.fieldValidation, call.warnings);
  checkName(call, given);
  return writeScale(call, options, () => given);
}

export async function patchScale(call: Call): Promise<ApiResponse> {
  const type = acceptedPatch(call);
  const options = writeOptions(call.info.query, 'PatchOptions', type === 'apply');
  if (type === 'apply') return applyScale(call, options);
  const patched = bodyPatcher(call, type, options, scaleKind, scaleType);
  return writeScale(call, options, (current) => patched(current) as Scale & KubeObject);
}

/**
 * Ownership follows the Scale as it is written in JSON, which leaves out replicas that are zero: then nobody owns the
 * parent's replicas any more, whoever did.
 */
function trackScale(call: Call, access: ScaleAccess, object: KubeObject, old: KubeObject, manager: string): void {
  if (access.replicas(object) !== 0) {
    trackUpdate(call, object, old, manager, 'scale');
    return;
  }
  const written = cloneJson(object);
  access.setReplicas(written, undefined);
  trackUpdate(call, written, old, manager, 'scale');
  object.metadata.managedFields = written.metadata.managedFields;
}

/** Writes the replicas of the scale that `change` makes of the current one. */
async function writeScale(call: Call, options: WriteOptions, change: (current: Scale & KubeObject) => Scale & KubeObject): Promise<ApiResponse> {
  const { resource, info } = call;
  const access = scaleAccessOf(resource);
  const { entry } = await updateStored(call, {
    name: info.name,
    subresource: 'scale',
    options,
    change: (old) => {
      const scale = change(cloneJson(scaleOf(access, old!)));
      const replicas = scale.spec?.replicas ?? 0;
      // A custom resource judges for itself, as a whole.
      if (replicas < 0 && !resource.codec.statesKind) throw invalidError({ group: 'autoscaling', kind: 'Scale' }, info.name, [invalid('spec.replicas', replicas, negativeText)]);
      const object = cloneJson(old!);
      if (scale.metadata.resourceVersion) object.metadata.resourceVersion = scale.metadata.resourceVersion;
      if (scale.metadata.uid) object.metadata.uid = scale.metadata.uid;
      access.setReplicas(object, replicas);
      trackScale(call, access, object, old!, options.fieldManager);
      return object;
    },
    shown: (object) => scaleOf(access, object),
  });
  return answerScale(call, scaleOf(access, viewOf(resource, entry).object));
}
