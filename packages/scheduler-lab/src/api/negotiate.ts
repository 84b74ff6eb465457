import { notAcceptableError, type StatusError } from '@pilothouse/apimachinery';

/** What a client wants to see of objects. */
export type Representation = 'object' | 'table' | 'metadata';

/** Reads Accept. JSON alone is served. @throws StatusError 406 */
export function representationOf(accept: string | string[] | undefined): Representation {
  const header = Array.isArray(accept) ? accept.join(',') : (accept ?? '');
  if (!header.trim()) return 'object';
  for (const clause of header.split(',')) {
    const [type, ...parameters] = clause.split(';').map((part) => part.trim().toLowerCase());
    if (!['application/json', 'application/*', '*/*'].includes(type)) continue;
    const of = (name: string) => parameters.find((p) => p.startsWith(`${name}=`))?.slice(name.length + 1);
    const as = of('as');
    if (!as) return 'object';
    if (of('g') !== 'meta.k8s.io' || of('v') !== 'v1') continue;
    if (as === 'table') return 'table';
    if (as === 'partialobjectmetadata' || as === 'partialobjectmetadatalist') return 'metadata';
  }
  throw notAcceptable();
}

const notAcceptable = (): StatusError => notAcceptableError('only the following media types are accepted: application/json, application/json;stream=watch');
