import { type ApiResponse, badRequestError, invalid, invalidError, type KubeObject, negativeText, notFoundError, parseYaml } from '@pilothouse/apimachinery';
import type { WriteOptions } from '../../request/write-options.ts';
import type { Call } from '../call.ts';
import { applied } from '../field-tracking.ts';
import { updateStored } from '../update-stored.ts';
import { viewOf } from '../view.ts';
import { answerScale, scaleAccessOf, scaleKind, scaleOf } from './scale.ts';

/** Server-side apply of a scale: owns the parent's replicas and nothing else. */
export async function applyScale(call: Call, options: WriteOptions): Promise<ApiResponse> {
  const { resource, request, info } = call;
  const access = scaleAccessOf(resource);
  const value = (request.bodyObject ?? parseYaml(Buffer.from(request.body ?? new Uint8Array()).toString())) as { apiVersion?: string; kind?: string; metadata?: { name?: string }; spec?: { replicas?: number } } | undefined;
  if (typeof value !== 'object' || value === null) throw badRequestError('error decoding YAML: json: cannot unmarshal into Go value of type map[string]interface {}');
  if (value.apiVersion !== 'autoscaling/v1' || value.kind !== scaleKind.kind) throw badRequestError(`invalid object type: ${value.apiVersion ?? ''}, Kind=${value.kind ?? ''}`);
  const { entry } = await updateStored(call, {
    name: info.name,
    subresource: 'scale',
    options,
    change: (old) => {
      if (!old) throw notFoundError(resource.subject, info.name);
      const replicas = value.spec?.replicas;
      if (replicas !== undefined && replicas < 0) throw invalidError({ group: 'autoscaling', kind: 'Scale' }, info.name, [invalid('spec.replicas', replicas, negativeText)]);
      const patch: KubeObject = { apiVersion: resource.apiVersion, kind: resource.kind, metadata: { name: info.name } };
      if (replicas !== undefined) access.setReplicas(patch, replicas);
      const merged = applied(call, old, patch as unknown as Record<string, unknown>, { manager: options.fieldManager, force: options.force === true, subresource: 'scale' });
      return resource.codec.decode(merged).object as KubeObject;
    },
    shown: (object) => scaleOf(access, object),
  });
  return answerScale(call, scaleOf(access, viewOf(resource, entry).object));
}
