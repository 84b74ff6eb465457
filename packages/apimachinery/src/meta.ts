import type { ListMeta, ObjectMeta, OwnerReference } from '@pilothouse/api-schemas/types/meta/v1';

export type { ListMeta, ObjectMeta, OwnerReference };

/** What every object of the API has. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
}

export interface KubeList<T> {
  apiVersion?: string;
  kind?: string;
  metadata: ListMeta;
  items: T[];
}

export interface GroupVersionKind {
  group: string;
  version: string;
  kind: string;
}

export interface GroupResource {
  group: string;
  resource: string;
}

export interface GroupVersionResource extends GroupResource {
  version: string;
}

/** A resource as clients name it, with the type of its objects. Constants for the built-in ones: `resource-types.ts`. */
export interface ResourceType<T extends KubeObject = KubeObject> {
  group: string;
  version: string;
  /** Plural, lower case: `pods`. */
  plural: string;
  kind: string;
  namespaced: boolean;
  /** Only carries the type. */
  readonly _type?: T;
}

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

export interface WatchEvent<T> {
  type: WatchEventType;
  object: T;
}

/** `apps/v1`, or `v1` in the core group. */
export const apiVersionOf = (group: string, version: string): string => (group ? `${group}/${version}` : version);

/** Splits `apps/v1` into group and version; the core group is `''`. */
export function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? { group: '', version: apiVersion } : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** `pods`, or `deployments.apps`. */
export const groupResource = (r: { group: string; plural: string }): string => (r.group ? `${r.plural}.${r.group}` : r.plural);

/** An informer's and a work queue's key: `namespace/name`, or `name` for what has no namespace. */
export const keyOf = (object: { metadata: ObjectMeta }): string => (object.metadata.namespace ? `${object.metadata.namespace}/${object.metadata.name}` : (object.metadata.name ?? ''));

export function splitKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf('/');
  return slash < 0 ? { namespace: '', name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** The owner that manages the object, if any. */
export const controllerOf = (object: { metadata: ObjectMeta }): OwnerReference | undefined => object.metadata.ownerReferences?.find((ref) => ref.controller);
