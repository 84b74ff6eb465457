import type { TokenRequest, TokenRequestSpec } from '@pilothouse/api-schemas/types/authentication/v1';
import { badRequestError, conflictError, type FieldError, goQuote, invalid, invalidError, nodes, notFoundError, parseApiVersion, pods, secrets, serviceAccounts } from '@pilothouse/apimachinery';
import { formatTime } from '@pilothouse/base';
import type { ObjectReader, VirtualHandler } from '../contract.ts';
import type { TokenIssuer, TokenSpec } from '../auth/tokens/issuer.ts';

const kind = { group: 'authentication.k8s.io', kind: 'TokenRequest' };
const minSeconds = 600;
const maxSeconds = 2 ** 32;

function validate(spec: TokenRequestSpec): FieldError[] {
  const seconds = spec.expirationSeconds!;
  if (seconds < minSeconds) return [invalid('spec.expirationSeconds', seconds, 'may not specify a duration less than 10 minutes')];
  if (seconds > maxSeconds) return [invalid('spec.expirationSeconds', seconds, 'may not specify a duration larger than 2^32 seconds')];
  return [];
}

type Bound = Pick<TokenSpec, 'pod' | 'secret' | 'node'>;

/** The object a token is to be bound to, checked to be the one that is meant. */
async function resolveBound(read: ObjectReader, namespace: string, account: string, reference: NonNullable<TokenRequestSpec['boundObjectRef']>): Promise<Bound> {
  const { group, version } = parseApiVersion(reference.apiVersion ?? '');
  const name = reference.name ?? '';
  const unsupported = () => badRequestError(`cannot bind token to object of type ${group}/${version}, Kind=${reference.kind}`);
  if (group || !['Pod', 'Secret', 'Node'].includes(reference.kind ?? '')) throw unsupported();
  if (!name) throw badRequestError('Name parameter required.');
  const found = async (): Promise<{ uid: string; bound: Bound }> => {
    if (reference.kind === 'Secret') {
      const secret = await read.get(secrets, name, namespace);
      if (!secret) throw notFoundError(secrets, name);
      return { uid: secret.metadata.uid!, bound: { secret: { name, uid: secret.metadata.uid } } };
    }
    if (reference.kind === 'Node') {
      const node = await read.get(nodes, name);
      if (!node) throw notFoundError(nodes, name);
      return { uid: node.metadata.uid!, bound: { node: { name, uid: node.metadata.uid } } };
    }
    const pod = await read.get(pods, name, namespace);
    if (!pod) throw notFoundError(pods, name);
    if (pod.spec?.serviceAccountName !== account) throw badRequestError(`cannot bind token for serviceaccount ${goQuote(account)} to pod running with different serviceaccount name.`);
    const nodeName = pod.spec.nodeName;
    const node = nodeName ? { name: nodeName, uid: (await read.get(nodes, nodeName))?.metadata.uid } : undefined;
    return { uid: pod.metadata.uid!, bound: { pod: { name, uid: pod.metadata.uid }, ...(node && { node }) } };
  };
  const { uid, bound } = await found();
  if (reference.uid && reference.uid !== uid) throw conflictError({ group, plural: reference.kind! }, name, `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`);
  return bound;
}

/** Issues a token for a service account (`serviceaccounts/token`). `maxExpirationSeconds`: longer lives are cut. */
export const tokenRequest = (issuer: TokenIssuer, maxExpirationSeconds?: number): VirtualHandler => ({
  group: '',
  plural: 'serviceaccounts',
  subresource: 'token',
  defaults(object) {
    object.spec ??= {};
    object.spec.expirationSeconds ??= 3600;
  },
  async create({ object, namespace, name, read, clock, random, admit }) {
    const request = object as TokenRequest & { metadata: NonNullable<TokenRequest['metadata']> };
    const metadata = (request.metadata ??= {} as never);
    const spec = (request.spec ??= {} as never);
    if (metadata.name && metadata.name !== name) throw invalidError(kind, name, [invalid('metadata.name', metadata.name, 'must match the service account name if specified')]);
    if (metadata.namespace && metadata.namespace !== namespace) throw badRequestError('the namespace of the provided object does not match the namespace sent on the request');
    const account = await read.get(serviceAccounts, name, namespace);
    if (!account) throw notFoundError(serviceAccounts, name);
    metadata.name = name;
    metadata.namespace = namespace;
    metadata.uid ||= random.uuid();
    metadata.creationTimestamp = formatTime(clock.now());
    if (!spec.audiences?.length) spec.audiences = [...issuer.audiences];
    spec.expirationSeconds ??= 3600;
    spec.boundObjectRef ??= null as never;
    delete request.status;
    const errors = validate(spec);
    if (errors.length) throw invalidError(kind, '', errors);
    await admit();
    const bound = spec.boundObjectRef ? await resolveBound(read, namespace, name, spec.boundObjectRef) : {};
    if (maxExpirationSeconds) spec.expirationSeconds = Math.min(spec.expirationSeconds, maxExpirationSeconds);
    const { token, expiresAtMs } = await issuer.issue({ serviceAccount: { namespace, name, uid: account.metadata.uid! }, ...bound, audiences: spec.audiences, expirationSeconds: spec.expirationSeconds });
    request.status = { token, expirationTimestamp: formatTime(expiresAtMs) };
    return request;
  },
});
