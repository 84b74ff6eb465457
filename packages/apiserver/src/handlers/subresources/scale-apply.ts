import { type ApiResponse, checkApplied, fieldTypeOf, invalid, invalidError, type KubeObject, type ManagedObject, negativeText, notFoundError } from '@pilothouse/apimachinery';
import type { WriteOptions } from '../../request/write-options.ts';
import type { Call } from '../call.ts';
import { applied } from '../field-tracking.ts';
import { readApply } from '../patch.ts';
import { checkName } from '../update.ts';
import { updateStored } from '../update-stored.ts';
import { viewOf } from '../view.ts';
import { answerScale, scaleAccessOf, scaleKind, scaleOf, scaleType } from './scale.ts';

/** Server-side apply of a scale: owns the parent's replicas and nothing else. */
export async function applyScale(call: Call, options: WriteOptions): Promise<ApiResponse> {
  const { resource, info } = call;
  const access = scaleAccessOf(resource);
  const value = readApply(call, options).value as { metadata?: { name?: string; namespace?: string }; spec?: { replicas?: number } };
  checkApplied({ applied: value as ManagedObject, type: fieldTypeOf(scaleType), apiVersion: 'autoscaling/v1', kind: scaleKind.kind });
  checkName(call, { metadata: { name: info.name, ...value.metadata } } as KubeObject);
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
