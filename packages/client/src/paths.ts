import type { ResourceType } from '@pilothouse/apimachinery';

/** `/api/v1/namespaces/default/pods/web/status?…`; parameters that are undefined are left out. */
export function pathOf(type: ResourceType, at: { namespace?: string; name?: string; subresource?: string; query?: Record<string, string | number | boolean | undefined> }): string {
  let path = type.group ? `/apis/${type.group}/${type.version}` : `/api/${type.version}`;
  if (type.namespaced && at.namespace) path += `/namespaces/${encodeURIComponent(at.namespace)}`;
  path += `/${type.plural}`;
  if (at.name !== undefined) path += `/${encodeURIComponent(at.name)}`;
  if (at.subresource) path += `/${at.subresource}`;
  return path + queryOf(at.query ?? {});
}

function queryOf(query: Record<string, string | number | boolean | undefined>): string {
  const parts: string[] = [];
  for (const name in query) if (query[name] !== undefined) parts.push(`${name}=${encodeURIComponent(String(query[name]))}`);
  return parts.length ? `?${parts.join('&')}` : '';
}
