import { badRequestError, parseFieldSelector, parseLabelSelector } from '@pilothouse/apimachinery';
import { messageOf } from '@pilothouse/base/errors';
import type { ResourceView } from './resource-view.ts';

/** Which of a resource's things a request is about: by namespace (empty: all), label and field selectors. @throws StatusError 400 */
export function selection<T>(view: ResourceView<T>, namespace: string, query: URLSearchParams): (value: T) => boolean {
  const labels = parseLabelSelector(query.get('labelSelector') ?? '');
  const known = new Set(['metadata.name', 'metadata.namespace', ...view.fieldNames]);
  const text = query.get('fieldSelector') ?? '';
  let fields: ReturnType<typeof parseFieldSelector>;
  try {
    fields = parseFieldSelector(text, (field, value) => {
      if (!known.has(field)) throw badRequestError(`field label not supported: ${field}`);
      return { field, value };
    });
  } catch (error) {
    throw badRequestError(`Unable to find ${JSON.stringify(`lab.pilothouse.dev/v1, Resource=${view.plural}`)} that match label selector ${JSON.stringify(query.get('labelSelector') ?? '')}, field selector ${JSON.stringify(text)}: ${messageOf(error)}`);
  }
  return (value) => {
    if (namespace && view.namespace(value) !== namespace) return false;
    if (!labels.everything && !labels.matches(view.labels(value))) return false;
    if (fields.everything) return true;
    const at = view.namespace(value);
    const all: Record<string, string> = { ...view.fields(value), 'metadata.name': view.key(value).slice(at.length + 1), 'metadata.namespace': at };
    return fields.matches((field: string) => all[field] ?? '');
  };
}
