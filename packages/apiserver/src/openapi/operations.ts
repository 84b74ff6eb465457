/** The operations of a group version, derived from its resources: what the `paths` of an OpenAPI document say. */
import type { ResourceFacts } from '@pilothouse/api-schemas';

export interface Parameter {
  name: string;
  in: 'path' | 'query';
  type: 'string' | 'boolean' | 'integer';
  required?: boolean;
}

export interface Operation {
  method: 'get' | 'put' | 'post' | 'delete' | 'patch' | 'options' | 'head';
  operationId: string;
  description: string;
  action: string;
  gvk?: { group: string; version: string; kind: string };
  parameters: Parameter[];
  /** OpenAPI name of the body's type. */
  body?: { type: string; required: boolean };
  /** Status code → OpenAPI name of the answer's type; 'string' for text. */
  responses: Record<string, string>;
  /** Media types of the answers. */
  produces: 'object' | 'list' | 'any' | 'log' | 'json' | 'jwks' | 'custom';
  /** Media types of the body, where they are not those of built-in resources. */
  consumes?: readonly string[];
}

export interface PathItem {
  path: string;
  parameters: Parameter[];
  operations: Operation[];
}

export const query = (name: string, type: Parameter['type'] = 'string'): Parameter => ({ name, in: 'query', type });
export const pathParameter = (name: string): Parameter => ({ name, in: 'path', type: 'string', required: true });

export const listParameters = [query('allowWatchBookmarks', 'boolean'), query('continue'), query('fieldSelector'), query('labelSelector'), query('limit', 'integer'), query('resourceVersion'), query('resourceVersionMatch'), query('sendInitialEvents', 'boolean'), query('shardSelector'), query('timeoutSeconds', 'integer'), query('watch', 'boolean')];
export const writeParameters = [query('dryRun'), query('fieldManager'), query('fieldValidation')];
export const deleteParameters = [query('dryRun'), query('gracePeriodSeconds', 'integer'), query('ignoreStoreReadErrorWithClusterBreakingPotential', 'boolean'), query('orphanDependents', 'boolean'), query('propagationPolicy')];
const deleteCollectionParameters = [...listParameters.filter((p) => p.name !== 'allowWatchBookmarks' && p.name !== 'watch'), ...deleteParameters].sort(byName);
export const pretty = query('pretty');
function byName(a: Parameter, b: Parameter): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
export const sorted = (parameters: Parameter[]) => [...parameters].sort(byName);

/** What the connect subresources take, by the kind of their options. */
const connectParameters: Record<string, Parameter[]> = {
  PodExecOptions: [query('command'), query('container'), query('stderr', 'boolean'), query('stdin', 'boolean'), query('stdout', 'boolean'), query('tty', 'boolean')],
  PodAttachOptions: [query('container'), query('stderr', 'boolean'), query('stdin', 'boolean'), query('stdout', 'boolean'), query('tty', 'boolean')],
  PodPortForwardOptions: [query('ports', 'integer')],
  PodProxyOptions: [query('path')],
  ServiceProxyOptions: [query('path')],
  NodeProxyOptions: [query('path')],
};
const logParameters = [query('container'), query('follow', 'boolean'), query('insecureSkipTLSVerifyBackend', 'boolean'), query('limitBytes', 'integer'), query('previous', 'boolean'), query('sinceSeconds', 'integer'), query('stream'), query('tailLines', 'integer'), query('timestamps', 'boolean')];

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const capital = (s: string) => s[0].toUpperCase() + s.slice(1);
export const an = (kind: string) => (kind.endsWith('Endpoints') ? kind : /^[AEIOU]/.test(kind) ? `an ${kind}` : `a ${kind}`);

/** `rbac.authorization.k8s.io` → `RbacAuthorization`; '' → `Core`. */
export const groupCamel = (group: string): string => (group ? group.replace(/\.k8s\.io$/, '').split(/[^A-Za-z0-9]+/).map(capital).join('') : 'Core');
/** The tag of a group version: `rbacAuthorization_v1`, `core_v1`. */
export const tagOf = (group: string, version: string): string => {
  const camel = groupCamel(group);
  return `${camel[0].toLowerCase()}${camel.slice(1)}${version && `_${version}`}`;
};

export interface TypeNames {
  /** OpenAPI name of a kind. */
  (group: string, version: string, kind: string): string | undefined;
}

/** Path items of one group version in the order of their paths. `facts` are its resources and subresources. */
export function groupVersionPaths(group: string, version: string, facts: readonly ResourceFacts[], typeName: TypeNames): PathItem[] {
  const root = group ? `/apis/${group}/${version}` : `/api/${version}`;
  const prefix = `${groupCamel(group)}${capital(version)}`;
  const items: PathItem[] = [{
    path: `${root}/`,
    parameters: [],
    operations: [{ method: 'get', operationId: `get${prefix}APIResources`, description: 'get available resources', action: '', parameters: [], responses: { 200: `${meta}.APIResourceList` }, produces: 'object' }],
  }];
  for (const resource of facts.filter((f) => !f.name.includes('/'))) {
    const subs = facts.filter((f) => f.name.startsWith(`${resource.name}/`));
    items.push(...resourcePaths(root, prefix, group, version, resource, typeName));
    for (const sub of subs) items.push(...subresourcePaths(root, prefix, group, version, resource, sub, typeName));
  }
  return items.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function resourcePaths(root: string, prefix: string, group: string, version: string, resource: ResourceFacts, typeName: TypeNames): PathItem[] {
  const { kind, name: plural, namespaced } = resource;
  const gvk = { group, version, kind };
  const type = typeName(group, version, kind) ?? `${kind}`;
  const list = typeName(group, version, `${kind}List`) ?? `${type}List`;
  const has = (verb: string) => resource.verbs.includes(verb);
  const scoped = namespaced ? `Namespaced${kind}` : kind;
  const collection = namespaced ? `${root}/namespaces/{namespace}/${plural}` : `${root}/${plural}`;
  const namespaceParameter = namespaced ? [pathParameter('namespace')] : [];
  const items: PathItem[] = [];
  const push = (path: string, parameters: Parameter[], operations: (Operation | false)[]) => {
    const kept = operations.filter((o) => o !== false);
    if (kept.length) items.push({ path, parameters: sorted(parameters), operations: kept });
  };
  const listOperation = (operationId: string, parameters: Parameter[]): Operation => ({ method: 'get', operationId, description: `list ${has('watch') ? 'or watch ' : ''}objects of kind ${kind}`, action: 'list', gvk, parameters, responses: { 200: list }, produces: 'list' });
  const crossNamespacePost = !has('list') && has('create');

  push(collection, crossNamespacePost ? [...namespaceParameter, pretty, ...writeParameters] : [...namespaceParameter, pretty, ...(has('list') && !has('create') ? listParameters : [])], [
    has('list') && listOperation(`list${prefix}${scoped}`, has('create') ? listParameters : []),
    has('create') && { method: 'post', operationId: `create${prefix}${scoped}`, description: `create ${an(kind)}`, action: 'post', gvk, parameters: crossNamespacePost ? [] : writeParameters, body: { type, required: true }, responses: { 200: type, 201: type, 202: type }, produces: 'object' },
    has('deletecollection') && { method: 'delete', operationId: `delete${prefix}Collection${scoped}`, description: `delete collection of ${kind}`, action: 'deletecollection', gvk, parameters: deleteCollectionParameters, body: { type: `${meta}.DeleteOptions`, required: false }, responses: { 200: `${meta}.Status` }, produces: 'object' },
  ]);
  if (has('get')) {
    const deleted = deletesToObject(group, kind) ? type : `${meta}.Status`;
    push(`${collection}/{name}`, [pathParameter('name'), ...namespaceParameter, pretty], [
      { method: 'get', operationId: `read${prefix}${scoped}`, description: `read the specified ${kind}`, action: 'get', gvk, parameters: [], responses: { 200: type }, produces: 'object' },
      has('update') && { method: 'put', operationId: `replace${prefix}${scoped}`, description: `replace the specified ${kind}`, action: 'put', gvk, parameters: writeParameters, body: { type, required: true }, responses: { 200: type, 201: type }, produces: 'object' },
      has('delete') && { method: 'delete', operationId: `delete${prefix}${scoped}`, description: `delete ${an(kind)}`, action: 'delete', gvk, parameters: deleteParameters, body: { type: `${meta}.DeleteOptions`, required: false }, responses: { 200: deleted, 202: deleted }, produces: 'object' },
      has('patch') && patchOperation(`patch${prefix}${scoped}`, `partially update the specified ${kind}`, gvk, type),
    ]);
  }
  if (namespaced && has('list')) push(`${root}/${plural}`, [...listParameters, pretty], [listOperation(`list${prefix}${kind}ForAllNamespaces`, [])]);
  if (has('watch')) {
    const watchParameters = [...listParameters, pretty];
    const watch = (operationId: string, description: string, action: string): Operation => ({ method: 'get', operationId, description, action, gvk, parameters: [], responses: { 200: `${meta}.WatchEvent` }, produces: 'list' });
    const listText = `watch individual changes to a list of ${kind}. deprecated: use the 'watch' parameter with a list operation instead.`;
    const oneText = `watch changes to an object of kind ${kind}. deprecated: use the 'watch' parameter with a list operation instead, filtered to a single item with the 'fieldSelector' parameter.`;
    const watchRoot = namespaced ? `${root}/watch/namespaces/{namespace}/${plural}` : `${root}/watch/${plural}`;
    push(watchRoot, [...watchParameters, ...namespaceParameter], [watch(`watch${prefix}${scoped}List`, listText, 'watchlist')]);
    push(`${watchRoot}/{name}`, [...watchParameters, pathParameter('name'), ...namespaceParameter], [watch(`watch${prefix}${scoped}`, oneText, 'watch')]);
    if (namespaced) push(`${root}/watch/${plural}`, watchParameters, [watch(`watch${prefix}${kind}ListForAllNamespaces`, listText, 'watchlist')]);
  }
  return items;
}

/** Kinds whose deletion answers with the object, as their storage returns what it deleted. */
const deletesToObject = (group: string, kind: string): boolean =>
  (group === '' && ['Pod', 'Service', 'PersistentVolume', 'PersistentVolumeClaim', 'PodTemplate', 'ResourceQuota', 'ServiceAccount'].includes(kind)) || (group === 'storage.k8s.io' && kind !== 'CSIStorageCapacity') || (group === 'policy' && kind === 'PodSecurityPolicy') || (group === 'resource.k8s.io');

const patchOperation = (operationId: string, description: string, gvk: Operation['gvk'], type: string): Operation => ({
  method: 'patch', operationId, description, action: 'patch', gvk, parameters: sorted([...writeParameters, query('force', 'boolean')]), body: { type: `${meta}.Patch`, required: true }, responses: { 200: type, 201: type }, produces: 'object',
});

function subresourcePaths(root: string, prefix: string, group: string, version: string, resource: ResourceFacts, sub: ResourceFacts, typeName: TypeNames): PathItem[] {
  const subName = sub.name.slice(resource.name.length + 1);
  const { namespaced } = resource;
  const base = namespaced ? `${root}/namespaces/{namespace}/${resource.name}/{name}/${subName}` : `${root}/${resource.name}/{name}/${subName}`;
  const pathParameters = [pathParameter('name'), ...(namespaced ? [pathParameter('namespace')] : [])];
  const camel = { ephemeralcontainers: 'Ephemeralcontainers', portforward: 'Portforward' }[subName] ?? capital(subName);
  const scoped = `${namespaced ? 'Namespaced' : ''}${resource.kind}${camel}`;
  const kind = sub.kind;
  const gvk = { group: sub.bodyGroup ?? group, version: sub.bodyVersion ?? version, kind };
  const options = connectParameters[kind];
  if (options) {
    const methods: Operation['method'][] = subName === 'proxy' ? ['get', 'put', 'post', 'delete', 'options', 'head', 'patch'] : ['get', 'post'];
    const operations = (withPath: boolean): Operation[] => methods.map((method) => ({ method, operationId: `connect${prefix}${capital(method)}${scoped}${withPath ? 'WithPath' : ''}`, description: `connect ${method.toUpperCase()} requests to ${subName} of ${resource.kind}`, action: 'connect', gvk, parameters: [], responses: { 200: 'string' }, produces: 'any' }));
    const items: PathItem[] = [{ path: base, parameters: sorted([...options, ...pathParameters]), operations: operations(false) }];
    if (subName === 'proxy') items.push({ path: `${base}/{path}`, parameters: [...sorted(pathParameters), pathParameter('path'), query('path')], operations: operations(true) });
    return items;
  }
  if (subName === 'log') {
    return [{ path: base, parameters: sorted([...logParameters, ...pathParameters, pretty]), operations: [{ method: 'get', operationId: `read${prefix}${scoped}`, description: `read log of the specified ${resource.kind}`, action: 'get', gvk: { group, version, kind: resource.kind }, parameters: [], responses: { 200: 'string' }, produces: 'log' }] }];
  }
  const type = typeName(gvk.group, gvk.version, kind) ?? kind;
  const of = `${subName} of the specified ${resource.kind}`;
  const operations: Operation[] = [];
  if (sub.verbs.includes('get')) operations.push({ method: 'get', operationId: `read${prefix}${scoped}`, description: `read ${of}`, action: 'get', gvk, parameters: [], responses: { 200: type }, produces: 'object' });
  if (sub.verbs.includes('update')) operations.push({ method: 'put', operationId: `replace${prefix}${scoped}`, description: `replace ${of}`, action: 'put', gvk, parameters: sub.verbs.length > 1 ? writeParameters : [], body: { type, required: true }, responses: { 200: type, 201: type }, produces: 'object' });
  if (sub.verbs.includes('create')) operations.push({ method: 'post', operationId: `create${prefix}${scoped}`, description: `create ${subName} of ${an(resource.kind)}`, action: 'post', gvk, parameters: [], body: { type, required: true }, responses: { 200: type, 201: type, 202: type }, produces: 'object' });
  if (sub.verbs.includes('patch')) operations.push(patchOperation(`patch${prefix}${scoped}`, `partially update ${of}`, gvk, type));
  const single = sub.verbs.length === 1;
  return [{ path: base, parameters: sorted([...pathParameters, pretty, ...(single && operations.some((o) => o.method === 'put' || o.method === 'post') ? writeParameters : [])]), operations }];
}
