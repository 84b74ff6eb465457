/** Objects, tables and bare metadata of what is listed or watched. */
import type { KubeObject } from '@pilothouse/apimachinery';
import { labApiVersion } from './types.ts';
import type { Representation } from './negotiate.ts';
import type { ResourceView } from './resource-view.ts';

const metaOnly = (object: KubeObject, apiVersion: string, kind: string) => ({ apiVersion, kind, metadata: object.metadata });
const partial = (object: KubeObject) => metaOnly(object, 'meta.k8s.io/v1', 'PartialObjectMetadata');

export interface RepresentOptions {
  readonly as: Representation;
  readonly nowMs: number;
  /** What table rows carry: `None`, `Metadata` or `Object`. */
  readonly includeObject: string;
}

function row<T>(view: ResourceView<T>, value: T, object: KubeObject, { nowMs, includeObject }: RepresentOptions) {
  const shown = includeObject === 'None' ? undefined : includeObject === 'Object' ? object : partial(object);
  return { cells: view.cells(value, nowMs), ...(shown && { object: shown }) };
}

const columnsOf = <T>(view: ResourceView<T>) => view.columns.map(({ name, type, description, priority = 0 }) => ({ name, type: type === 'date' ? 'string' : type, format: name === 'Name' ? 'name' : '', description, priority }));

/** A list of what is given. */
export function representList<T>(view: ResourceView<T>, values: readonly T[], metadata: object, options: RepresentOptions): object {
  if (options.as === 'table') return { kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata, columnDefinitions: columnsOf(view), rows: values.map((v) => row(view, v, view.render(v), options)) };
  if (options.as === 'metadata') return { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items: values.map((v) => partial(view.render(v))) };
  return { kind: `${view.kind}List`, apiVersion: labApiVersion, metadata, items: values.map((v) => view.render(v)) };
}

/** One of them. `object`: where it is rendered in another way than in lists. `first`: a table says its columns. */
export function representOne<T>(view: ResourceView<T>, value: T, options: RepresentOptions, { object = view.render(value), first = true }: { object?: KubeObject; first?: boolean } = {}): object {
  if (options.as === 'table') return { kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata: { resourceVersion: object.metadata.resourceVersion }, columnDefinitions: first ? columnsOf(view) : null, rows: [row(view, value, object, options)] };
  return options.as === 'metadata' ? partial(object) : object;
}
