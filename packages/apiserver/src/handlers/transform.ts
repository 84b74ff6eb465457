import type { KubeObject } from '@pilothouse/apimachinery';
import { badRequestError, invalid } from '@pilothouse/apimachinery';
import { typeOfKind } from '@pilothouse/api-schemas';
import type { ServedResource } from '../registry.ts';
import { columnDefinitions, rowConditions } from '../table/index.ts';
import type { Call } from './call.ts';
import type { View } from './view.ts';

/** An object's metadata alone. */
export function partialMetadata(object: KubeObject, version: string): KubeObject {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata };
}

/** Go's name of the type an object has inside the server, or a list of it: some refusals name it. */
export function internalTypeName({ definition: { type } }: ServedResource, list = false): string {
  if (!typeOfKind(type.group, type.version, type.kind)) return `*unstructured.Unstructured${list ? 'List' : ''}`;
  const inner = type.group === 'events.k8s.io' ? 'core' : type.group === 'internal.apiserver.k8s.io' ? 'apiserverinternal' : type.group.split('.')[0] || 'core';
  return `*${inner}.${type.kind}${list ? 'List' : ''}`;
}

/** What `includeObject` says: whether rows carry the object's metadata (default), the object, or nothing. */
export function includeObjectOf(query: URLSearchParams): 'Metadata' | 'Object' | 'None' {
  const value = query.get('includeObject') ?? '';
  if (value === '' || value === 'Metadata') return 'Metadata';
  if (value === 'Object' || value === 'None') return value;
  throw badRequestError(`Unable to convert to Table as requested: includeObject: ${invalid('includeObject', value, "must be 'Metadata', 'Object', 'None', or empty").message}`);
}

/** Whether it is the bookmark that closes the initial events of a watch: a client must see it for what it is. */
const endsInitialEvents = ({ metadata }: KubeObject): boolean => metadata.annotations?.['k8s.io/initial-events-end'] === 'true' && !metadata.name;

/** Objects as a Table; the columns' definitions are left out of later events of a watch. */
export function tableOf(call: Call, views: readonly View[], metadata: Record<string, unknown>, withDefinitions = true): object {
  const { type } = call.resource.definition;
  const columns = call.columns ?? call.resource.definition.columns;
  const version = call.accept.as?.version ?? 'v1';
  const include = includeObjectOf(call.info.query);
  const now = call.core.clock.now();
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${version}`,
    metadata,
    columnDefinitions: withDefinitions ? columnDefinitions(columns, call.core.texts()) : null,
    rows: views.map((view) => {
      const conditions = rowConditions(type.group, type.plural, view.object);
      return {
        // A bookmark's object has no name; its cell is empty all the same.
        cells: columns.map((column) => column.value(view.object, now) ?? (column.format === 'name' ? '' : null)),
        ...(conditions && { conditions }),
        object: include === 'None' && !endsInitialEvents(view.object) ? null : include === 'Object' ? view.object : partialMetadata(view.object, version),
      };
    }),
  };
}
