/**
 * The built-in API as data: what `generated/types.json` holds. A type is known by its OpenAPI name,
 * e.g. `io.k8s.api.core.v1.Pod`; its fields stand in the order in which Kubernetes writes them.
 */

/** The shape of one value. */
export type TypeRef =
  | { t: 'string' | 'bool' | 'int32' | 'int64' | 'double' | 'bytes' }
  /** `quantity`, `intOrString` and the three times are strings (or a number) with a grammar of their own. */
  | { t: 'quantity' | 'intOrString' | 'time' | 'microTime' | 'duration' }
  /** Any JSON value (`json`), or a whole object of any kind (`raw`); kept as it came. */
  | { t: 'json' | 'raw' }
  | { t: 'ref'; ref: string }
  | { t: 'list'; of: TypeRef }
  /** Keys are always strings. */
  | { t: 'map'; of: TypeRef };

/** One field of an object type. Absent flags are false. */
export interface FieldSchema {
  name: string;
  /** The field's name in Go, where it is not `name` with a capital first letter. */
  goName?: string;
  type: TypeRef;
  /** Named in the published schema's `required`. */
  required?: boolean;
  /** Go keeps a pointer: an explicit zero (`0`, `false`, `""`) is told apart from absence and kept. */
  pointer?: boolean;
  /** Left out of JSON when empty. Without it the field is written even at its zero value. */
  omitEmpty?: boolean;
  /** Go 1.24's `omitzero`: a struct is left out when it is zero. */
  omitZero?: boolean;
  /** The default in the published OpenAPI v3 schema. (Defaults that depend on other fields are code of the resource.) */
  default?: unknown;
  enum?: string[];
  /** The enum of a list's or map's elements. */
  elementEnum?: string[];
  /** How lists and maps merge under server-side apply. */
  listType?: 'atomic' | 'set' | 'map';
  listMapKeys?: string[];
  mapType?: 'atomic' | 'granular';
  /** Directives of strategic merge patch: `merge`, `replace`, `retainKeys`, or both by comma. */
  patchStrategy?: string;
  patchMergeKey?: string;
  /** Field number in Kubernetes protobuf; absent where the type has no protobuf form. */
  number?: number;
  /** In protobuf the field stands inside messages that JSON does not show: their field numbers, outermost first. */
  inlinedIn?: number[];
  /** A format beyond what `type` says, e.g. `int-or-string`. */
  format?: string;
}

export interface TypeSchema {
  name: string;
  fields: FieldSchema[];
  /** Set on a kind: its group, version and kind. */
  gvk?: { group: string; version: string; kind: string }[];
  mapType?: 'atomic' | 'granular';
  /** Names of fields of which one may be set; as published in `x-kubernetes-unions`. */
  unions?: unknown[];
  /** The Kubernetes protobuf message (with the Go package), e.g. `k8s.io.api.core.v1.Pod`. */
  message?: string;
}

/** One served resource or subresource, from discovery. */
export interface ResourceFacts {
  group: string;
  version: string;
  /** Plural name; `deployments/scale` for a subresource. */
  name: string;
  singularName: string;
  kind: string;
  namespaced: boolean;
  verbs: string[];
  shortNames?: string[];
  categories?: string[];
  storageVersionHash?: string;
  /** Group and version of the body where they differ from the resource's (`scale`, `eviction`, `token`). */
  bodyGroup?: string;
  bodyVersion?: string;
}

export interface GroupFacts {
  name: string;
  versions: string[];
  preferredVersion: string;
}
