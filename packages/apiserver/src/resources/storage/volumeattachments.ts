import { dns1123Subdomain, type FieldError, forbidden, invalid, nameIsDnsSubdomain, required, tooLong, volumeAttachments as type } from '@pilothouse/apimachinery';
import type { VolumeAttachment as Published } from '@pilothouse/api-schemas/types/storage/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { checkName } from '../validation/check-name.ts';
import {  } from '../validation/internal-form.ts';
import { immutable, validateObjectMeta, validateObjectMetaUpdate } from '../validation/object-meta.ts';
import { validateCsiDriverName } from '../validation/volume-sources.ts';

type VolumeAttachment = Filled<Published>;

function validateAttachment(errors: FieldError[], object: VolumeAttachment): void {
  validateObjectMeta(errors, object.metadata, { name: nameIsDnsSubdomain, namespaced: false });
  const { spec, status } = object;
  validateCsiDriverName(errors, spec.attacher, 'spec.attacher');
  const { inlineVolumeSpec: inline, persistentVolumeName: name } = spec.source;
  const one = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
  if (!inline && name === undefined) errors.push(required('spec.source', one));
  else if (inline && name !== undefined) errors.push(forbidden('spec.source', one));
  else if (name === '') errors.push(required('spec.source.persistentVolumeName', 'must specify non empty persistentVolumeName'));
  else if (inline && !inline.csi) errors.push(required('spec.source.inlineVolumeSpec.csi', 'has to be specified in the context of inline volumes'));
  checkName(errors, 'spec.nodeName', spec.nodeName, dns1123Subdomain);
  const bytes = Object.entries(status.attachmentMetadata ?? {}).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  if (bytes > 256 * 1024) errors.push(tooLong('status.attachmentMetadata', 256 * 1024));
  for (const key of ['attachError', 'detachError'] as const) {
    const error = status[key];
    if ((error?.message?.length ?? 0) > 1024) errors.push(tooLong(`status.${key}.message`, 256 * 1024));
    if ((error?.errorCode ?? 0) < 0) errors.push(invalid(`status.${key}.errorCode`, error!.errorCode, 'must be between 0 and 2147483647, inclusive'));
  }
  if (name !== undefined) checkName(errors, 'spec.source.persistentVolumeName', name, dns1123Subdomain);
}

const strategy: Strategy<VolumeAttachment> = {
  allowUnconditionalUpdate: false,
  validate(object) {
    const errors: FieldError[] = [];
    validateAttachment(errors, object);
    return errors;
  },
  validateUpdate(object, old) {
    const errors: FieldError[] = [];
    validateAttachment(errors, object);
    immutable(errors, object.spec, old.spec, 'spec', 'storage/v1.VolumeAttachmentSpec');
    return errors;
  },
  validateStatusUpdate(object, old) {
    const errors: FieldError[] = [];
    validateAttachment(errors, object);
    validateObjectMetaUpdate(errors, object.metadata, old.metadata);
    return errors;
  },
};

export const volumeAttachments = defineResource<any>(type, { strategy });
