/**
 * The joints of the API server: who asks (authentication), whether they may (authorization), what a resource is
 * (declaration and strategy), what is changed or refused on the way in (admission). A request passes
 * listener → authentication → audit → impersonation → flow control → authorization → handler → admission → storage.
 */
import type { Awaitable, Runtime } from '@pilothouse/base';
import type { Store } from '@pilothouse/storage';
import type { LoopbackClient } from './bootstrap/client.ts';
import type { ResourceFacts } from '@pilothouse/api-schemas';
import type { DeleteOptions } from '@pilothouse/api-schemas/types/meta/v1';
import type { FieldType } from '@pilothouse/apimachinery/managed-fields/field-type';
import type { ApiRequest, ApiResponse, FieldError, KubeObject, ResourceType } from '@pilothouse/apimachinery';

// ---- identity

export interface User {
  name: string;
  uid?: string;
  groups: readonly string[];
  extra?: Readonly<Record<string, readonly string[]>>;
}

/** Says who sent the request; undefined: this authenticator has no opinion. @throws StatusError 401 for credentials that are wrong. */
export interface Authenticator {
  name: string;
  /** @throws StatusError 401 (or rejects with it) for credentials that are refused */
  authenticate(request: ApiRequest): Awaitable<{ user: User; audiences?: readonly string[] } | undefined>;
}

/** What a request asks for, as upstream's RequestInfo reads it off the path. */
export interface RequestAttributes {
  user: User;
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; for non-resource paths the lower-case method. */
  verb: string;
  isResource: boolean;
  path: string;
  group: string;
  version: string;
  /** Plural without the subresource. */
  resource: string;
  subresource: string;
  namespace: string;
  /** Empty for collections and creates. */
  name: string;
  /** Of list, watch and deletecollection, as sent. */
  fieldSelector?: string;
  labelSelector?: string;
}

export type Decision = { decision: 'allow' | 'deny' | 'no-opinion'; reason?: string };

export interface Authorizer {
  name: string;
  authorize(attributes: RequestAttributes): Awaitable<Decision>;
  /** Rules for SelfSubjectRulesReview. */
  rulesFor?(user: User, namespace: string): ResourceAndNonResourceRules;
}

export interface ResourceAndNonResourceRules {
  resourceRules: { verbs: string[]; apiGroups?: string[]; resources?: string[]; resourceNames?: string[] }[];
  nonResourceRules: { verbs: string[]; nonResourceURLs?: string[] }[];
  incomplete: boolean;
  evaluationError?: string;
}

// ---- resources

/** What handlers pass to a strategy. */
export interface WriteContext extends Runtime {
  user: User;
  namespace: string;
  dryRun: boolean;
  /** As the request is authorized: `create`, `update`, `patch`. */
  verb: string;
  /** '' for the resource itself. */
  subresource: string;
  /** Reads other objects, from the caches. */
  read: ObjectReader;
  /** Whether the user may do something further, beside what the request was authorized for. */
  authorize(attributes: RequestAttributes): Awaitable<Decision>;
  /** Writes other objects, as the server itself. */
  client: LoopbackClient;
  store: Store;
  /** Adds a warning to the answer, even to one that refuses the request. */
  warn(text: string): void;
}

/** Reads from inside the server (caches; no authorization). Shared objects: never mutate. */
export interface ObjectReader {
  /** What the cache lacks is asked of the store's newest state, which takes a moment. */
  get<T extends KubeObject>(type: ResourceType<T>, name: string, namespace?: string): Awaitable<T | undefined>;
  list<T extends KubeObject>(type: ResourceType<T>, namespace?: string): Awaitable<readonly T[]>;
  /** What the cache has now, which may lack the newest writes. */
  peek<T extends KubeObject>(type: ResourceType<T>, name: string, namespace?: string): T | undefined;
}

/** A reader that also tells of changes: what compiled indexes (RBAC, quotas, the node graph) are kept current by. */
export interface ObjectFeed extends ObjectReader {
  /**
   * Calls `change(object, old)` synchronously and in order: once for each object held (`old` undefined), then for each
   * change as the cache takes it (`object` undefined: deleted). Resolves when what was held has been delivered. Ends
   * when `signal` aborts.
   */
  follow<T extends KubeObject>(type: ResourceType<T>, change: (object: T | undefined, old: T | undefined) => void, signal?: AbortSignal): Promise<void>;
}

/** A column of `kubectl get`, as the server prints it (meta/v1 Table). */
export interface Column<T> {
  name: string;
  type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  format?: string;
  description: string;
  /** 0: always shown; 1: with `-o wide`. */
  priority?: number;
  /** A cell at the end of the row that upstream forgot to give a column. */
  undeclared?: boolean;
  value(object: T, nowMs: number): unknown;
}

/** What was taken for a write. Neither rejects. */
export interface Taken {
  /** After the write: gives back what the object had before. */
  commit(): Promise<void>;
  /** Where nothing was written: gives back what was taken. */
  rollback(): Promise<void>;
}

/**
 * What a resource does beyond its published schema. All hooks are optional, synchronous and pure but for mutating the
 * object they are given. Order on create: (decoded, pruned, schema-defaulted) → `defaults` → mutating admission →
 * `defaults` again → `prepareForCreate` → `validate` → validating admission → `beginCreate` → storage.
 */
export interface Strategy<T extends KubeObject> {
  /** Defaults that depend on other fields or that the published schema does not state. Also applied to what is read from storage. */
  defaults?(object: T): void;
  /** Clears what a client may not set (status, generation is handled by the framework). */
  prepareForCreate?(object: T, context: WriteContext): void;
  /** `old` is what is stored. For a status write the framework has put everything but status back already. */
  prepareForUpdate?(object: T, old: T, context: WriteContext): void;
  validate?(object: T, context: WriteContext): FieldError[];
  validateUpdate?(object: T, old: T, context: WriteContext): FieldError[];
  validateStatusUpdate?(object: T, old: T, context: WriteContext): FieldError[];
  /**
   * For the few kinds whose writes take rights that depend on what is written: `found`, which is what the hooks above
   * found, together with what the user may not do, in the order to report them. `old` is undefined on create.
   */
  withRights?(found: FieldError[], object: T, old: T | undefined, context: WriteContext): Promise<FieldError[]>;
  warnings?(object: T, old: T | undefined): string[];
  /** Whether `warnings` are asked for on writes of the status too. */
  warnsOnStatus?: boolean;
  /** Takes what must be unique across objects (cluster IPs, node ports). */
  begin?(object: T, old: T | undefined, context: WriteContext): Promise<Taken | undefined>;
  /**
   * A delete of a kind that stays until its controller has cleaned up after it: marks the object. False: it is deleted as
   * anything else. @throws StatusError for preconditions that do not hold
   */
  startDeletion?(object: T, options: DeleteOptions, nowMs: number): boolean;
  /** After deletion from storage. Must not reject. */
  afterDelete?(object: T, context: WriteContext): Promise<void>;
  /** Grace period in seconds for a delete; undefined: the object is deleted at once. Pods: from spec. */
  gracePeriodSeconds?(object: T, requested: number | undefined): number | undefined;
  /** Whether `metadata.generation` is kept (most kinds with a spec), and what changes raise it; default: any difference in `spec`. */
  generation?: boolean | ((object: T, old: T) => boolean);
  /** Creation through PUT of a name that does not exist. */
  allowCreateOnUpdate?: boolean;
  /** PUT without resourceVersion. Default true; false for a few kinds. */
  allowUnconditionalUpdate?: boolean;
}

export interface SubresourceDefinition {
  /** `status`, `scale`, … */
  name: string;
}

/** Reads objects of one served version. Built-in types need none; a CustomResourceDefinition brings its own. */
export interface ObjectCodec {
  /**
   * The value as an object of the type (pruned), and the fields it does not have: `unknown field "spec.foo"`. With
   * `keepEmptyLists` empty lists stay where the stored form has null, and `keptEmptyLists` says that there are any.
   * @throws StatusError 400
   */
  decode(value: unknown, options?: { keepEmptyLists?: boolean }): { object: any; unknownFields: string[]; keptEmptyLists?: boolean };
  /** Sets the defaults that the schema states. */
  defaults(object: any): void;
  /** Findings of the schema itself, reported ahead of the strategy's. */
  validate?(object: any, old: any): FieldError[];
  /** How fields are owned and merged under server-side apply; absent: as the built-in type, or deduced. */
  fieldType?: FieldType;
  /** Bodies must say their kind (400), and one that is not the resource's is a finding about the object (422). */
  statesKind?: boolean;
}

/** The `scale` subresource: where a kind keeps its replicas. */
export interface ScaleAccess<T extends KubeObject = any> {
  replicas(object: T): number;
  /** Why the object has no scale to be read; absent: every object has one. */
  absent?(object: T): string | undefined;
  /** undefined takes the field away. */
  setReplicas(object: T, replicas: number | undefined): void;
  statusReplicas(object: T): number;
  /** As a query string's label selector; '' where there is none. */
  selector(object: T): string;
}

/** A served resource: published facts, and how it behaves. */
export interface ResourceDefinition<T extends KubeObject = any> {
  type: ResourceType<T>;
  facts: ResourceFacts;
  /** Facts of the subresources, without the `plural/` prefix in `name`. */
  subresources: readonly ResourceFacts[];
  /** OpenAPI name of the type in api-schemas. */
  schema: string;
  /** How objects are read; absent: by `schema`. */
  codec?: ObjectCodec;
  /** Under `/registry/`, without slashes at the ends: `pods`, `services/specs`, `minions`. */
  storagePrefix: string;
  strategy: Strategy<T>;
  columns: readonly Column<T>[];
  /** Field selectors beyond metadata.name and metadata.namespace: path → value as text. */
  selectableFields: Readonly<Record<string, (object: T) => string>>;
  /** Sent as a warning with every answer: `v1 Endpoints is deprecated in v1.33+; use …`. */
  deprecation?: string;
  /** The `scale` subresource, where the kind has one. */
  scale?: ScaleAccess<T>;
  /** The list's kind where it is not `<Kind>List`. */
  listKind?: string;
  /** The text refusing a field selector by an unknown field. Default: kube-apiserver's. */
  fieldLabelError?(field: string): string;
  /** A selectable field by whose value watches are told apart, for speed: pods by `spec.nodeName`. */
  triggerField?: string;
  /** Not stored: answers a create by computing (reviews). */
  virtual?: boolean;
  /** Stored objects expire (events): seconds. */
  ttlSeconds?: number;
  /** Served in this version, stored in another (of a group that may differ): HPA v1, core events. Absent: stored as served. */
  conversion?: Conversion<T>;
  /** How objects are stored, where no served version's definition says so: custom resources. */
  store?: ResourceDefinition;
}

/** How a served version and the stored one turn into each other. Neither direction mutates what it is given; an object that is the same in both is given back itself. */
export interface Conversion<T extends KubeObject> {
  /** The resource whose definition says how objects are stored (`storagePrefix`, strategy). */
  storage: ResourceType<any>;
  toStorage(object: T): KubeObject;
  fromStorage(object: KubeObject): T;
  /** The same where another server has to be asked for some of it: used instead, ahead of time. @throws StatusError 500 */
  remote?: { toStorage(object: T): Promise<KubeObject>; fromStorage(objects: readonly KubeObject[]): Promise<readonly T[]> };
}

// ---- admission

export interface AdmissionAttributes extends Runtime {
  user: User;
  operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  /** The resource; a subresource write has `subresource` set and `object` the subresource's kind. */
  resource: ResourceDefinition;
  subresource: string;
  namespace: string;
  name: string;
  /** Mutating plugins change it in place; undefined on delete. */
  object: any;
  /** Set by a step that has put in its place what somebody outside made of it (policies, webhooks): its defaults are then set anew. */
  replaced: boolean;
  old: any;
  dryRun: boolean;
  options: Record<string, unknown>;
  read: ObjectReader;
  /** Adds a `Warning` header. */
  warn(text: string): void;
  /** Notes something for the audit log; `key` is qualified: `policy.example.com/why`. */
  annotate(key: string, value: string): void;
  authorize(attributes: RequestAttributes): Awaitable<Decision>;
}

/** An admission step, named as `--enable-admission-plugins` names it. @throws StatusError to refuse (403 by default). */
export interface AdmissionPlugin {
  name: string;
  operations: readonly AdmissionAttributes['operation'][];
  mutate?(attributes: AdmissionAttributes): Promise<void> | void;
  validate?(attributes: AdmissionAttributes): Promise<void> | void;
}

// ---- what is computed or passed on rather than stored

/** A create that is answered by computing: reviews, `serviceaccounts/token`. */
export interface VirtualContext extends Runtime {
  request: ApiRequest;
  user: User;
  /** From the path; empty for what has no namespace. */
  namespace: string;
  /** From the path, for a subresource; else empty. */
  name: string;
  /** Decoded, defaulted, after mutating admission. The handler may change it. */
  object: any;
  dryRun: boolean;
  read: ObjectReader;
  /** Runs validating admission on the object as it is now. */
  admit(): Promise<void>;
}

export interface VirtualHandler {
  group: string;
  /** All served versions answer alike. */
  plural: string;
  /** '' for the resource itself. */
  subresource: string;
  /** Fills in what the published schema does not default, right after decoding. */
  defaults?(object: any): void;
  /** The answer's body (201). @throws StatusError */
  create(context: VirtualContext): Promise<KubeObject>;
}

/** A request that is passed on to a kubelet, pod, service or node. Authorized already (`admit` runs admission). */
export interface ConnectContext extends Runtime {
  request: ApiRequest;
  user: User;
  namespace: string;
  name: string;
  /** What stands in the path behind the subresource, with its leading slash; '' when nothing does. */
  path: string;
  query: URLSearchParams;
  read: ObjectReader;
  /** Runs CONNECT admission; `options` is the decoded options object (PodExecOptions, NodeProxyOptions, …). */
  admit(options: KubeObject | Record<string, unknown>): Promise<void>;
}

export interface ConnectHandler {
  plural: string;
  subresource: string;
  methods: readonly string[];
  connect(context: ConnectContext): Promise<ApiResponse>;
}
