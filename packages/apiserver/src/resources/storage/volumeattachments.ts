import { dns1123Subdomain, type FieldError, forbidden, invalid, nameIsDnsSubdomain, required, tooLong, volumeAttachments as type } from '@pilothouse/apimachinery';
import type { PersistentVolumeSpec } from '@pilothouse/api-schemas/types/core/v1';
import type { VolumeAttachment as Published } from '@pilothouse/api-schemas/types/storage/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { validateAccessModes } from '../validation/claim-spec.ts';
import { checkName } from '../validation/check-name.ts';
import { immutable, keepMetaOnStatus, validateObjectMeta } from '../validation/object-meta.ts';
import { sharedSources, validateCsiDriverName } from '../validation/volume-sources.ts';

type VolumeAttachment = Filled<Published>;

/** A volume that is no object of its own: one of CSI, with what concerns claiming left open. */
function validateInlineVolume(errors: FieldError[], spec: PersistentVolumeSpec, path: string): void {
  const not = (field: string, detail = 'may not be specified in the context of inline volumes') => errors.push(forbidden(`${path}.${field}`, detail));
  if (spec.claimRef) not('claimRef');
  if (Object.keys(spec.capacity ?? {}).length) not('capacity');
  if (!spec.csi) errors.push(required(`${path}.csi`, 'has to be specified in the context of inline volumes'));
  validateAccessModes(errors, spec.accessModes, `${path}.accessModes`);
  const { persistentVolumeReclaimPolicy: policy } = spec;
  if (policy && policy !== 'Retain') not('persistentVolumeReclaimPolicy', 'may only be Retain in the context of inline volumes');
  if (spec.nodeAffinity) not('nodeAffinity');
  if (spec.csi) sharedSources.csi(errors, spec.csi, `${path}.csi`, { persistent: true, volumeName: '' });
  else errors.push(required(path, 'must specify a volume type'));
  if (spec.storageClassName) not('storageClassName');
  if (spec.volumeMode !== undefined && spec.volumeMode !== 'Filesystem') not('volumeMode', 'may not specify volumeMode other than Filesystem in the context of inline volumes');
}

function validateAttachment(errors: FieldError[], object: VolumeAttachment): void {
  validateObjectMeta(errors, object.metadata, { name: nameIsDnsSubdomain, namespaced: false });
  const { spec, status } = object;
  validateCsiDriverName(errors, spec.attacher, 'spec.attacher');
  const { inlineVolumeSpec: inline, persistentVolumeName: name } = spec.source;
  const one = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
  if (!inline && name === undefined) errors.push(required('spec.source', one));
  else if (inline && name !== undefined) errors.push(forbidden('spec.source', one));
  else if (name === '') errors.push(required('spec.source.persistentVolumeName', 'must specify non empty persistentVolumeName'));
  else if (inline) validateInlineVolume(errors, inline, 'spec.source.inlineVolumeSpec');
  checkName(errors, 'spec.nodeName', spec.nodeName, dns1123Subdomain);
  const bytes = Object.entries(status.attachmentMetadata ?? {}).reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  if (bytes > 256 * 1024) errors.push(tooLong('status.attachmentMetadata', 256 * 1024));
  for (const key of ['attachError', 'detachError'] as const) {
    const error = status[key];
    if (Buffer.byteLength(error?.message ?? '') > 1024) errors.push(tooLong(`status.${key}.message`, 256 * 1024));
    if ((error?.errorCode ?? 0) < 0) errors.push(invalid(`status.${key}.errorCode`, error!.errorCode, 'must be between 0 and 2147483647, inclusive'));
  }
  if (name !== undefined) checkName(errors, 'spec.source.persistentVolumeName', name, dns1123Subdomain);
}

function validateChange(object: VolumeAttachment, old: VolumeAttachment): FieldError[] {
  const errors: FieldError[] = [];
  validateAttachment(errors, object);
  immutable(errors, object.spec, old.spec, 'spec', 'storage/v1.VolumeAttachmentSpec');
  return errors;
}

const strategy: Strategy<VolumeAttachment> = {
  prepareForUpdate(object, old, { subresource }) {
    if (subresource === 'status') keepMetaOnStatus(object, old);
  },
  allowUnconditionalUpdate: false,
  validate(object) {
    const errors: FieldError[] = [];
    validateAttachment(errors, object);
    return errors;
  },
  validateUpdate: validateChange,
  validateStatusUpdate: validateChange,
};

export const volumeAttachments = defineResource<any>(type, { strategy });
