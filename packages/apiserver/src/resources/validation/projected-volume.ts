import { dns1123Subdomain, type FieldError, forbidden, invalid, notSupported, qualifiedName, required, validateLabelSelector } from '@pilothouse/apimachinery';
import type { DownwardAPIVolumeFile, KeyToPath, ProjectedVolumeSource, VolumeProjection } from '@pilothouse/api-schemas/types/core/v1';
import { validateFieldRef, validateResourceFieldRef } from './env.ts';
import { internalForm } from './internal-form.ts';
import { validateFileMode, validateNonReservedPath } from './paths.ts';
import { validateSignerName } from './signer-name.ts';

export function validateKeyToPath(errors: FieldError[], item: KeyToPath, path: string): void {
  if (!item.key) errors.push(required(`${path}.key`));
  if (!item.path) errors.push(required(`${path}.path`));
  validateNonReservedPath(errors, item.path, `${path}.path`);
  validateFileMode(errors, item.mode, `${path}.mode`);
}

const downwardFields = ['metadata.name', 'metadata.namespace', 'metadata.labels', 'metadata.annotations', 'metadata.uid'];

/** The path is that of the list, without an index: so upstream reports it. */
export function validateDownwardFile(errors: FieldError[], file: DownwardAPIVolumeFile, path: string): void {
  if (!file.path) errors.push(required(`${path}.path`));
  validateNonReservedPath(errors, file.path, `${path}.path`);
  if (file.fieldRef) {
    validateFieldRef(errors, file.fieldRef, downwardFields, `${path}.fieldRef`);
    if (file.resourceFieldRef) errors.push(invalid(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
  } else if (file.resourceFieldRef) validateResourceFieldRef(errors, file.resourceFieldRef, `${path}.resourceFieldRef`, true);
  else errors.push(required(path, 'one of fieldRef and resourceFieldRef is required'));
  validateFileMode(errors, file.mode, `${path}.mode`);
}

export function validateProjected(errors: FieldError[], projected: ProjectedVolumeSource, path: string): void {
  validateFileMode(errors, projected.defaultMode, `${path}.defaultMode`);
  const taken = new Set<string>();
  /** Files of all sources share one directory. */
  const take = (file: string | undefined, shown: string | undefined = file) => {
    if (!file) return;
    if (taken.has(file)) errors.push(invalid(path, shown, 'conflicting duplicate paths'));
    taken.add(file);
  };
  projected.sources?.forEach((source, i) => {
    const at = `${path}.sources[${i}]`;
    for (const key of ['secret', 'configMap'] as const) {
      const from = source[key];
      if (!from) continue;
      if (!from.name) errors.push(required(`${at}.${key}.name`));
      from.items?.forEach((item, j) => {
        validateKeyToPath(errors, item, `${at}.${key}.items[${j}]`);
        take(item.path, from.name ?? '');
      });
    }
    for (const file of source.downwardAPI?.items ?? []) {
      validateDownwardFile(errors, file, `${at}.downwardAPI`);
      take(file.path);
    }
    const token = source.serviceAccountToken;
    if (token) {
      const seconds = token.expirationSeconds ?? 3600;
      if (seconds < 600) errors.push(invalid(`${at}.serviceAccountToken.expirationSeconds`, seconds, 'may not specify a duration less than 10 minutes'));
      if (seconds > 2 ** 32) errors.push(invalid(`${at}.serviceAccountToken.expirationSeconds`, seconds, 'may not specify a duration larger than 2^32 seconds'));
      if (!token.path) errors.push(required(`${path}.path`));
      else validateNonReservedPath(errors, token.path, `${path}.path`);
    }
    if (source.clusterTrustBundle) validateTrustBundle(errors, source.clusterTrustBundle, `${at}.clusterTrustBundle`, take);
    if (source.podCertificate) validatePodCertificate(errors, source.podCertificate, `${at}.podCertificate`, take);
    if (Object.keys(source).length > 1) errors.push(forbidden(at, 'may not specify more than 1 volume type per source'));
  });
}

type Take = (file: string | undefined) => void;

function validateTrustBundle(errors: FieldError[], bundle: NonNullable<VolumeProjection['clusterTrustBundle']>, path: string, take: Take): void {
  const { name, signerName, labelSelector } = bundle;
  if (name !== undefined && signerName !== undefined) errors.push(invalid(path, internalForm('core/v1.ClusterTrustBundleProjection', bundle), 'only one of name and signerName may be used'));
  else if (name !== undefined) {
    if (name === '') errors.push(required(`${path}.name`, 'must be a valid object name'));
    const parts = name.split(':');
    for (const message of dns1123Subdomain(parts[parts.length - 1])) errors.push(invalid(`${path}.name`, name, `not a valid clustertrustbundlename: ${message}`));
    if (labelSelector) errors.push(invalid(`${path}.labelSelector`, internalForm('meta/v1.LabelSelector', labelSelector), 'labelSelector must be unset if name is specified'));
  } else if (signerName !== undefined) {
    if (signerName === '') errors.push(required(`${path}.signerName`, 'must be a valid signer name'));
    validateSignerName(errors, signerName, `${path}.signerName`);
    errors.push(...validateLabelSelector(labelSelector, `${path}.labelSelector`));
  } else errors.push(required(path, 'either name or signerName must be specified'));
  if (!bundle.path) errors.push(required(`${path}.path`));
  validateNonReservedPath(errors, bundle.path ?? '', `${path}.path`);
  take(bundle.path);
}

const keyTypes = ['RSA3072', 'RSA4096', 'ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519'];

function validatePodCertificate(errors: FieldError[], source: NonNullable<VolumeProjection['podCertificate']>, path: string, take: Take): void {
  validateSignerName(errors, source.signerName, `${path}.signerName`);
  for (const key in source.userAnnotations) {
    for (const message of qualifiedName(key.toLowerCase())) errors.push(invalid(`${path}.userAnnotations`, key.toLowerCase(), message));
    if (!key.includes('/')) errors.push(invalid(`${path}.userAnnotations`, key.toLowerCase(), 'must be a domain-prefixed key (such as "acme.io/foo")'));
  }
  if (!keyTypes.includes(source.keyType)) errors.push(notSupported(`${path}.keyType`, source.keyType, keyTypes));
  const max = source.maxExpirationSeconds;
  const limit = /^([^/]*\.)?kubernetes\.io\//.test(source.signerName) ? 86400 : 91 * 86400;
  if (max !== undefined && max < 3600) errors.push(invalid(`${path}.maxExpirationSeconds`, max, 'if provided, maxExpirationSeconds must be >= 3600'));
  if (max !== undefined && max > limit) errors.push(invalid(`${path}.maxExpirationSeconds`, max, `if provided, maxExpirationSeconds must be <= ${limit}`));
  const keys = (['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const).filter((key) => source[key]);
  for (const key of keys) {
    validateNonReservedPath(errors, source[key]!, `${path}.${key}`);
    take(source[key]);
  }
  if (keys.length === 0) errors.push(required(path, 'specify at least one of credentialBundlePath, keyPath, and certificateChainPath'));
}
