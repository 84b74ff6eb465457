/** Classes of devices: who may be asked for by one name, and how they are set up. */
import { type FieldError, deviceClasses as type, invalid, nameIsDnsSubdomain, qualifiedName } from '@pilothouse/apimachinery';
import type { DeviceClass as Published } from '@pilothouse/api-schemas/types/resource/v1';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../validation/object-meta.ts';
import { mostConfigurations, validateOpaque } from './device-config.ts';
import { validateList } from './lists.ts';
import { validateSelectors } from './selectors.ts';

type DeviceClass = Filled<Published>;

const isExtendedResource = (name: string): boolean => name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('requests.') && !qualifiedName(`requests.${name}`).length;

function validateSpec(errors: FieldError[], { spec }: DeviceClass): void {
  validateSelectors(errors, spec.selectors, 'spec.selectors');
  validateList(errors, spec.config, 'spec.config', mostConfigurations, ({ opaque }, at) => validateOpaque(errors, opaque, `${at}.opaque`));
  const extended = spec.extendedResourceName;
  if (extended !== undefined && !isExtendedResource(extended)) errors.push(invalid('spec.extendedResourceName', extended, 'must be a valid extended resource name'));
}

const clusterWide = { name: nameIsDnsSubdomain, namespaced: false };

function validate(object: DeviceClass, old?: DeviceClass): FieldError[] {
  const errors: FieldError[] = [];
  validateObjectMeta(errors, object.metadata, clusterWide);
  if (old) validateObjectMetaUpdate(errors, object.metadata, old.metadata);
  validateSpec(errors, object);
  return errors;
}

export const deviceClasses = defineResource<any>(type, { strategy: { generation: true, validate: (object) => validate(object), validateUpdate: validate } });
