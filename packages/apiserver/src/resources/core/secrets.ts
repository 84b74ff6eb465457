import { X509Certificate, createPrivateKey } from 'node:crypto';
import { configMapKey, type FieldError, invalid, jsonSyntaxError, nameIsDnsSubdomain, required, secrets as type, tooLong } from '@pilothouse/apimachinery';
import type { Secret } from '@pilothouse/api-schemas/types/core/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import { checkName } from '../validation/check-name.ts';
import { immutable, validateObjectMeta, validateObjectMetaUpdate } from '../validation/object-meta.ts';
import { decodedLength, maxDataBytes, validateImmutable } from './configmaps.ts';

const accountName = 'kubernetes.io/service-account.name';
const rules = { name: nameIsDnsSubdomain, namespaced: true };

function validateJson(errors: FieldError[], data: Record<string, string>, key: string): void {
  const path = `data[${key}]`;
  if (!Object.hasOwn(data, key)) {
    errors.push(required(path));
    return;
  }
  const text = Buffer.from(data[key], 'base64').toString();
  const bad = (why: string) => errors.push(invalid(path, '<secret contents redacted>', why));
  try {
    const value = JSON.parse(text);
    if (value !== null && (typeof value !== 'object' || Array.isArray(value))) bad(`json: cannot unmarshal ${Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value} into Go value of type map[string]interface {}`);
  } catch {
    bad(jsonSyntaxError(text));
  }
}

/** What a secret of a known type must hold. */
const contents: Record<string, (errors: FieldError[], secret: Secret, data: Record<string, string>) => void> = {
  'kubernetes.io/service-account-token': (errors, secret) => {
    if (!secret.metadata.annotations?.[accountName]) errors.push(required(`metadata.annotations[${accountName}]`));
  },
  'kubernetes.io/dockercfg': (errors, _secret, data) => validateJson(errors, data, '.dockercfg'),
  'kubernetes.io/dockerconfigjson': (errors, _secret, data) => validateJson(errors, data, '.dockerconfigjson'),
  'kubernetes.io/basic-auth': (errors, _secret, data) => {
    if (!('username' in data) && !('password' in data)) errors.push(required('data[username]'), required('data[password]'));
  },
  'kubernetes.io/ssh-auth': (errors, _secret, data) => {
    if (!data['ssh-privatekey']) errors.push(required('data[ssh-privatekey]'));
  },
  'kubernetes.io/tls': (errors, _secret, data) => {
    for (const key of ['tls.crt', 'tls.key']) if (!Object.hasOwn(data, key)) errors.push(required(`data[${key}]`));
  },
};

function validateSecret(errors: FieldError[], secret: Secret): void {
  validateObjectMeta(errors, secret.metadata, rules);
  const data = (secret.data ?? {}) as Record<string, string>;
  let bytes = 0;
  for (const key in data) {
    checkName(errors, `data[${key}]`, key, configMapKey);
    bytes += decodedLength(data[key]);
  }
  if (bytes > maxDataBytes) errors.push(tooLong('data', maxDataBytes));
  contents[secret.type ?? '']?.(errors, secret, data);
}

/** Write-only text becomes data; it wins over what data says. */
function mergeStringData(secret: Secret): void {
  if (!secret.stringData) return;
  const merged: Record<string, string> = { ...secret.data };
  for (const [key, text] of Object.entries(secret.stringData)) merged[key] = Buffer.from(text).toString('base64');
  secret.data = Object.fromEntries(Object.entries(merged).sort(([a], [b]) => (a < b ? -1 : 1)));
  delete secret.stringData;
}

/** Go's complaint about a key pair that is none. */
function keyPairWarning(certificate: string, key: string): string[] {
  const pem = (text: string) => Buffer.from(text, 'base64').toString();
  if (!/-----BEGIN CERTIFICATE-----/.test(pem(certificate))) return ['tls: failed to find any PEM data in certificate input'];
  if (!/-----BEGIN .*PRIVATE KEY-----/.test(pem(key))) return ['tls: failed to find any PEM data in key input'];
  try {
    return new X509Certificate(pem(certificate)).checkPrivateKey(createPrivateKey(pem(key))) ? [] : ['tls: private key does not match public key'];
  } catch {
    return ['tls: failed to parse private key'];
  }
}

const strategy: Strategy<Secret> = {
  defaults(secret) {
    mergeStringData(secret);
    secret.type ||= 'Opaque';
  },
  validate(secret) {
    const errors: FieldError[] = [];
    validateSecret(errors, secret);
    return errors;
  },
  validateUpdate(secret, old) {
    const errors: FieldError[] = [];
    validateObjectMetaUpdate(errors, secret.metadata, old.metadata);
    immutable(errors, secret.type, old.type, 'type');
    validateImmutable(errors, secret, old, 'data');
    validateSecret(errors, secret);
    return errors;
  },
  warnings(secret) {
    const data = (secret.data ?? {}) as Record<string, string>;
    if (secret.type !== 'kubernetes.io/tls' || !('tls.crt' in data) || !('tls.key' in data)) return [];
    return keyPairWarning(data['tls.crt'], data['tls.key']);
  },
};

export const secrets = defineResource<any>(type, { strategy, selectableFields: { type: (secret: Secret) => secret.type ?? '' } });
