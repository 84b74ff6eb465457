/** Paths and headers that no client sends. */
import { builtinResources } from '@pilothouse/api-schemas';
import { protobufType } from '@pilothouse/apiserver/request/negotiate';
import type { Dice } from '../suite.ts';
import { hostileText, nativeKeys } from './values.ts';

const roots = ['/', '/api', '/api/', '/api/v1', '/apis', '/apis/', '/apis/apps', '/apis/apps/v1', '/healthz', '/livez', '/readyz', '/readyz/etcd', '/metrics', '/version', '/openapi/v2', '/openapi/v3', '/openapi/v3/api/v1', '/openid/v1/jwks', '/.well-known/openid-configuration', '/swagger', '/logs', '/debug/pprof', '/api/v1/namespaces', '/api/v1/watch/pods', '/api/v1/proxy', '/api/v1/namespaces/fuzz/pods', '/api/v1/nodes'];
const segments = ['..', '.', '', '%2e%2e', '%2F', '%00', '%', '%zz', '%c3%28', '%ed%a0%80', '%25', 'namespaces', 'pods', 'watch', 'proxy', 'status', 'scale', 'exec', 'x', 'é', ...nativeKeys, '*', ';', 'a;b=c', ' ', '\t', '?', 'x'.repeat(300)];

/** A path, from nearly right to nowhere. */
export function hostilePath(dice: Dice): string {
  if (dice.once(60)) return `/${dice.pick(['a/', '../', '%2e%2e/', '/', 'namespaces/'])}`.repeat(dice.pick([1_000, 20_000]));
  const { group, version, name } = dice.pick(builtinResources);
  const known = `${group ? `/apis/${group}/${version}` : `/api/${version}`}${dice.once(2) ? `/namespaces/${dice.once(3) ? dice.pick(segments) : 'fuzz'}` : ''}/${name.split('/').join(`/${dice.pick(segments)}/`)}`;
  let path = dice.once(2) ? known : dice.pick(roots);
  for (let i = dice.below(4); i > 0; i--) path += `/${dice.once(6) ? encodeURIComponent(hostileText(dice, false).toWellFormed()) : dice.pick(segments)}`;
  if (dice.once(10)) path = path.replace('/', dice.pick(['//', '/./', '/%2f', '']));
  return path;
}

const accepts = ['application/json', 'application/yaml', protobufType, '*/*', 'application/*', 'text/html', '', ',', ';', 'application/json;as=Table;v=v1;g=meta.k8s.io', 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io', 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io', `${protobufType};as=PartialObjectMetadata;v=v1;g=meta.k8s.io`, `${protobufType};as=Table;v=v1;g=meta.k8s.io,application/json`, 'application/yaml;as=Table;v=v1;g=meta.k8s.io', 'application/json;as=constructor;v=v1;g=meta.k8s.io', 'application/json;q=x', 'application/json;q=-1,application/yaml;q=2', 'application/json;__proto__=1', 'application/json;stream=watch', `${protobufType};stream=watch`, 'application/json;g=x;v=y', 'application/json,'.repeat(5_000), ';'.repeat(20_000), 'a/b;c="d;e,f"'];
const contentTypes = ['', 'application/json', 'application/json; charset=utf-8', 'application/json;;;', 'APPLICATION/JSON', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'application/json, application/yaml', ...nativeKeys, 'application/json-patch+json', 'application/apply-patch+cbor', 'application/cbor', protobufType, ';'];
const authorizations = ['Bearer ', 'Bearer x', 'Bearer a.b.c', 'Bearer eyJhbGciOiJub25lIn0.e30.', `Bearer ${'a'.repeat(50_000)}`, 'bearer x', 'Basic YTpi', 'Basic', '', 'Negotiate x', 'Bearer \u00e9', `Bearer ${Buffer.from('{"alg":"RS256","kid":"__proto__"}').toString('base64url')}.${Buffer.from('{"iss":"https://kubernetes.default.svc.cluster.local","exp":1e400}').toString('base64url')}.AAAA`, `Bearer ${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${Buffer.from('{}').toString('base64url')}.AAAA`];

/** Some headers, none of them quite right. */
export function oddHeaders(dice: Dice): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  const some = (n: number, name: string, value: () => string | string[]): void => {
    if (dice.once(n)) headers[name] = value();
  };
  const text = (list: readonly string[]) => (): string => (dice.once(10) ? hostileText(dice) : dice.pick(list));
  some(2, 'accept', () => (dice.once(5) ? `${dice.pick(accepts)},${dice.pick(accepts)}` : dice.pick(accepts)));
  some(3, 'content-type', text(contentTypes));
  some(6, 'authorization', text(authorizations));
  some(6, 'impersonate-user', text(['ann', '', 'system:node:n', 'system:serviceaccount:fuzz:default', 'system:serviceaccount:::', 'system:anonymous', ...nativeKeys]));
  some(8, 'impersonate-group', () => [dice.pick(['g', '', 'system:masters', ...nativeKeys]), 'h']);
  some(10, 'impersonate-uid', text(['u', '']));
  some(8, `impersonate-extra-${dice.pick(['a', '', '%', '%2f', '__proto__', 'constructor', 'A'])}`, () => [dice.pick(['v', ''])]);
  some(10, 'x-remote-user', text(['ann', '']));
  some(6, 'user-agent', text(['curl/8', 'Mozilla/5.0', '', '/', 'x'.repeat(5_000), ...nativeKeys]));
  some(10, 'accept-encoding', text(['gzip', 'br', 'gzip;q=0', '*', '']));
  some(12, 'content-encoding', text(['gzip', 'deflate', 'x']));
  some(12, 'content-length', text(['0', '-1', '9'.repeat(30), 'x']));
  some(12, 'if-none-match', text(['*', '"x"', '']));
  some(20, 'audit-id', text(['x', '', '\n']));
  some(12, 'x-http-method-override', text(['DELETE']));
  some(12, 'upgrade', text(['websocket', 'SPDY/3.1', 'x']));
  some(12, 'connection', text(['upgrade', 'close', 'x']));
  some(15, dice.pick(nativeKeys), () => 'x');
  return headers;
}
