import { parseFieldSelector, pathSegmentName } from '@pilothouse/apimachinery';

/** What a request is about, read off its method and path as kube-apiserver's RequestInfo is. */

export interface RequestInfo {
  isResource: boolean;
  /** Decoded, without the query. */
  path: string;
  verb: string;
  group: string;
  version: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  /** Path segments from the resource on: `['pods', 'web', 'exec']`. */
  parts: readonly string[];
  /** The verb stands in the path; selectors mean nothing to authorization then. */
  byPath?: boolean;
  /** The path cannot be decoded, or names a verb and nothing to do it to. */
  malformed?: 'encoding' | 'verb';
  query: URLSearchParams;
}

const methodVerbs: Readonly<Record<string, string>> = { GET: 'get', HEAD: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };
const noQuery = new URLSearchParams();

/** Parses `/apis/apps/v1/namespaces/default/deployments/web/scale?…`. Never throws; what is no resource path has `isResource` false. */
export function requestInfo(method: string, url: string): RequestInfo {
  const mark = url.indexOf('?');
  let path = mark < 0 ? url : url.slice(0, mark);
  const query = mark < 0 ? noQuery : new URLSearchParams(url.slice(mark + 1));
  let malformed: RequestInfo['malformed'];
  if (path.includes('%')) {
    try {
      path = decodeURIComponent(path);
    } catch {
      malformed = 'encoding';
    }
  }
  const none = (): RequestInfo => ({ isResource: false, path, verb: method.toLowerCase(), group: '', version: '', resource: '', subresource: '', namespace: '', name: '', parts: [], query, ...(malformed && { malformed }) });
  if (malformed || !(path.startsWith('/api/') || path.startsWith('/apis/'))) return none();
  let end = path.length;
  while (end > 0 && path.charCodeAt(end - 1) === 0x2f) end--;
  const all = path.slice(1, end).split('/');
  const grouped = all[0] === 'apis';
  if (all.length < (grouped ? 4 : 3)) return none();
  const group = grouped ? all[1] : '';
  const version = grouped ? all[2] : all[1];
  let parts = all.slice(grouped ? 3 : 2);
  let verb = methodVerbs[method] ?? '';
  let byPath = false;
  if (parts[0] === 'watch' || parts[0] === 'proxy') {
    if (parts.length < 2) return { ...none(), malformed: 'verb' };
    verb = parts[0];
    byPath = true;
    parts = parts.slice(1);
  }
  let namespace = '';
  if (parts[0] === 'namespaces' && parts.length > 1) {
    namespace = parts[1];
    if (parts.length > 2 && parts[2] !== 'status' && parts[2] !== 'finalize') parts = parts.slice(2);
  }
  const resource = parts[0];
  let name = parts[1] ?? '';
  const subresource = verb === 'proxy' ? '' : (parts[2] ?? '');
  if (!name && verb === 'get') {
    verb = isTrue(query.get('watch')) ? 'watch' : 'list';
    if (query.size) name = nameInSelector(query.get('fieldSelector'));
  } else if (!name && verb === 'delete') verb = 'deletecollection';
  return { isResource: true, path, verb, group, version, resource, subresource, namespace, name, parts, query, ...(byPath && { byPath }) };
}

/** As Go's form decoding reads a boolean: absent, `false` and `0` are false, anything else is true. */
export function isTrue(value: string | null): boolean {
  if (value === null) return false;
  const text = value.toLowerCase();
  return text !== 'false' && text !== '0';
}

/** The name that a field selector demands, for authorization. */
function nameInSelector(selector: string | null): string {
  if (!selector?.includes('metadata.name')) return '';
  try {
    const name = parseFieldSelector(selector).exactValue('metadata.name') ?? '';
    return pathSegmentName(name).length ? '' : name;
  } catch {
    return '';
  }
}
