/** What a PersistentVolumeClaim asks for; also in the templates of ephemeral volumes and StatefulSets. */
import { dns1123Label, dns1123Subdomain, type FieldError, forbidden, invalid, notSupported, required, signOfQuantity, validateLabelSelector } from '@pilothouse/apimachinery';
import type { PersistentVolumeClaimSpec, TypedObjectReference } from '@pilothouse/api-schemas/types/core/v1';
import { checkName } from './check-name.ts';
import { validateAmount } from './resources.ts';

const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
export const volumeModes = ['Block', 'Filesystem'];

export function validateAccessModes(errors: FieldError[], modes: readonly string[] | undefined, path: string, emptyDetail = ''): void {
  if (!modes?.length) errors.push(required(path, emptyDetail));
  for (const mode of modes ?? []) if (!accessModes.includes(mode)) errors.push(notSupported(path, mode, accessModes));
  if (modes?.includes('ReadWriteOncePod') && modes.some((mode) => mode !== 'ReadWriteOncePod' && accessModes.includes(mode))) errors.push(forbidden(path, 'may not use ReadWriteOncePod with other access modes'));
}

/** `old`: what is stored, on updates. */
export function validateClaimSpec(errors: FieldError[], spec: PersistentVolumeClaimSpec, path: string, old?: PersistentVolumeClaimSpec): void {
  const anyGroup = old?.dataSource?.apiGroup !== undefined || old?.dataSourceRef?.apiGroup !== undefined;
  if (!spec.accessModes?.length) errors.push(required(`${path}.accessModes`, 'at least 1 access mode is required'));
  errors.push(...validateLabelSelector(spec.selector, `${path}.selector`));
  if (spec.accessModes?.length) validateAccessModes(errors, spec.accessModes, `${path}.accessModes`);
  const at = `${path}.resources[storage]`;
  const storage = spec.resources?.requests?.storage;
  if (storage === undefined) errors.push(required(at));
  else if (signOfQuantity(storage) <= 0) errors.push(invalid(at, storage, 'must be greater than zero'));
  else validateAmount(errors, 'storage', storage, at);
  if (spec.storageClassName) checkName(errors, `${path}.storageClassName`, spec.storageClassName, dns1123Subdomain);
  if (spec.volumeMode !== undefined && !volumeModes.includes(spec.volumeMode)) errors.push(notSupported(`${path}.volumeMode`, spec.volumeMode, volumeModes));
  if (spec.dataSource) validateDataSource(errors, spec.dataSource, `${path}.dataSource`, anyGroup);
  if (spec.dataSourceRef) validateDataSource(errors, spec.dataSourceRef, `${path}.dataSourceRef`, anyGroup);
  if (spec.dataSourceRef?.namespace) {
    if (spec.dataSource) errors.push(invalid(path, {}, 'may not be specified when dataSourceRef.namespace is specified'));
  } else if (spec.dataSource && spec.dataSourceRef) {
    const { apiGroup, kind, name } = spec.dataSource;
    if (apiGroup !== spec.dataSourceRef.apiGroup || kind !== spec.dataSourceRef.kind || name !== spec.dataSourceRef.name) errors.push(invalid(path, {}, 'must match dataSourceRef'));
  }
  if (spec.volumeAttributesClassName) checkName(errors, `${path}.volumeAttributesClassName`, spec.volumeAttributesClassName, dns1123Subdomain);
}

function validateDataSource(errors: FieldError[], source: TypedObjectReference, path: string, anyGroup: boolean): void {
  if (!source.name) errors.push(required(`${path}.name`));
  if (!source.kind) errors.push(required(`${path}.kind`));
  if (source.apiGroup) {
    if (!anyGroup) checkName(errors, `${path}.apiGroup`, source.apiGroup, dns1123Subdomain);
  } else if (source.kind !== 'PersistentVolumeClaim') errors.push(invalid(path, source.kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"));
  if (source.namespace) checkName(errors, `${path}.namespace`, source.namespace, dns1123Label);
}
