/**
 * What daemons speak to the API server with. One `Client` over any `Transport` (sockets or in-process); informers,
 * listers, work queues, event recorder and leader election are built on it. Objects that come out of informers and
 * in-process reads are shared: never mutate them, copy with `structuredClone` first.
 */
import type { ApiRequest, ApiResponse, KubeList, KubeObject, ResourceType, WatchEvent } from '@pilothouse/apimachinery';

/** Carries one request to the API server. Rejects only when no answer could be had (network); an error status is an answer. */
export interface Transport {
  request(request: Omit<ApiRequest, 'peer'>): Promise<ApiResponse>;
  close(): Promise<void>;
}

export interface NamespaceOption {
  /** Absent: all namespaces, or a cluster-scoped resource. */
  namespace?: string;
  signal?: AbortSignal;
}

export interface ListOptions extends NamespaceOption {
  labelSelector?: string;
  fieldSelector?: string;
  limit?: number;
  continue?: string;
  resourceVersion?: string;
  resourceVersionMatch?: 'Exact' | 'NotOlderThan';
  /** Asks for PartialObjectMetadata instead of whole objects. */
  metadataOnly?: boolean;
}

export interface WatchOptions extends NamespaceOption {
  labelSelector?: string;
  fieldSelector?: string;
  resourceVersion?: string;
  timeoutSeconds?: number;
  allowWatchBookmarks?: boolean;
  sendInitialEvents?: boolean;
  /** Asks for PartialObjectMetadata instead of whole objects. */
  metadataOnly?: boolean;
}

export interface WriteOptions extends NamespaceOption {
  dryRun?: boolean;
  fieldManager?: string;
}

export interface PatchOptions extends WriteOptions {
  /** Default `merge`. */
  type?: 'json' | 'merge' | 'strategic' | 'apply';
  force?: boolean;
  subresource?: string;
}

export interface DeleteOptions extends NamespaceOption {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
  preconditions?: { uid?: string; resourceVersion?: string };
  dryRun?: boolean;
}

/** Every method rejects with `StatusError` when the server answers an error, and with `signal.reason` when aborted. */
export interface Client {
  get<T extends KubeObject>(type: ResourceType<T>, name: string, options?: NamespaceOption & { resourceVersion?: string; subresource?: string }): Promise<T>;
  list<T extends KubeObject>(type: ResourceType<T>, options?: ListOptions): Promise<KubeList<T>>;
  /** Batches of events in order until the server ends the watch or `signal` aborts (the iteration then just ends). An ERROR event is thrown as `StatusError`. */
  watch<T extends KubeObject>(type: ResourceType<T>, options?: WatchOptions): AsyncIterable<readonly WatchEvent<T>[]>;
  /** The namespace is the object's own. */
  create<T extends KubeObject>(type: ResourceType<T>, object: T, options?: Omit<WriteOptions, 'namespace'>): Promise<T>;
  /** Creates through a subresource: `binding`, `eviction`, `token`. */
  createSubresource<R>(type: ResourceType, name: string, subresource: string, body: unknown, options?: WriteOptions): Promise<R>;
  /** Fails with Conflict where `metadata.resourceVersion` is set and no longer current. */
  update<T extends KubeObject>(type: ResourceType<T>, object: T, options?: Omit<WriteOptions, 'namespace'> & { subresource?: string }): Promise<T>;
  updateStatus<T extends KubeObject>(type: ResourceType<T>, object: T, options?: Omit<WriteOptions, 'namespace'>): Promise<T>;
  patch<T extends KubeObject>(type: ResourceType<T>, name: string, patch: unknown, options?: PatchOptions): Promise<T>;
  delete(type: ResourceType, name: string, options?: DeleteOptions): Promise<void>;
  deleteCollection(type: ResourceType, options?: DeleteOptions & Pick<ListOptions, 'labelSelector' | 'fieldSelector'>): Promise<void>;
  /** Any request; the answer undecoded. */
  raw(request: { method: string; url: string; headers?: Record<string, string>; body?: Uint8Array; signal?: AbortSignal }): Promise<ApiResponse>;
  close(): Promise<void>;
}

/** A view of what an informer has seen. `indexes` are those the informer was given. */
export interface Lister<T> {
  /** `namespace/name`, or `name`. */
  get(key: string): T | undefined;
  list(): T[];
  inNamespace(namespace: string): T[];
  byIndex(index: string, value: string): T[];
  /** Objects that a controller of this uid owns (built-in index `controllerUid`). */
  ownedBy(uid: string): T[];
  readonly size: number;
}

export interface InformerHandler<T> {
  add?(object: T, initial: boolean): void;
  update?(object: T, old: T): void;
  /** `object` is the last state seen. */
  delete?(object: T): void;
}

export interface Informer<T> {
  readonly lister: Lister<T>;
  /** True once the first list has been delivered to the handlers. */
  readonly synced: boolean;
  /** Handlers are called synchronously, in order, after the lister shows the change. Returns its removal. A late handler gets `add` for what is there. */
  handle(handler: InformerHandler<T>): () => void;
  addIndex(name: string, valuesOf: (object: T) => readonly string[]): void;
  whenSynced(signal?: AbortSignal): Promise<void>;
  /** Resource version of the last event or list seen. */
  readonly lastResourceVersion: string;
}

export interface InformerSelection<T> {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** Drops what is never read, to save memory; called once per version with an object it may mutate. */
  transform?: (object: T) => T;
  /** Only metadata is fetched and kept; an informer of whole objects that exists already for the same selection is shared instead. */
  metadataOnly?: boolean;
}

/** One informer per resource and selector, shared by all that ask. */
export interface InformerFactory {
  informer<T extends KubeObject>(type: ResourceType<T>, options?: InformerSelection<T>): Informer<T>;
  /** Starts every informer asked for so far, and those asked for later at once. */
  start(): void;
  whenSynced(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** client-go's rate-limited work queue: a key is handled by one worker at a time, and adding it again while it is being handled hands it out once more afterwards. */
export interface WorkQueue {
  add(key: string): void;
  addAfter(key: string, delayMs: number): void;
  /** Adds after the key's back-off, which doubles (5 ms … 1000 s by default). */
  addRateLimited(key: string): void;
  /** Ends the key's back-off. */
  forget(key: string): void;
  retries(key: string): number;
  /** The next key; undefined once shut down and drained. */
  get(): Promise<string | undefined>;
  done(key: string): void;
  readonly length: number;
  shutDown(): void;
}

export interface ObjectRef {
  apiVersion?: string;
  kind?: string;
  namespace?: string;
  name?: string;
  uid?: string;
  resourceVersion?: string;
  fieldPath?: string;
}

/** Writes Events as client-go's recorder does: same-text events are counted up, similar ones aggregated, spam limited. Never rejects, never blocks. */
export interface EventRecorder {
  event(about: ObjectRef, type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** Waits for what has been recorded to be sent. */
  flush(): Promise<void>;
}

export interface LeaderElection {
  readonly leading: boolean;
  /** Resolves when the lease is held; rejects when closed first. */
  acquired(): Promise<void>;
  /** Aborts when the lease is lost or given up. */
  readonly lost: AbortSignal;
  /** Gives the lease up. */
  close(): Promise<void>;
}
