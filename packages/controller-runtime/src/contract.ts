/** A controller is one declaration: what it watches, which keys that touches, and a reconcile. Level-driven: a key in, a result out. */
import type { Runtime } from '@pilothouse/base';
import type { KubeObject, ResourceType } from '@pilothouse/apimachinery';
import type { Client, EventRecorder, Informer, InformerFactory, Lister } from '@pilothouse/client';

/** What reconciling came to. `requeueAfterMs`: look at the key again then, whatever happens. */
export interface Result {
  requeueAfterMs?: number;
}
export const done: Result = {};
export const requeueAfter = (delayMs: number): Result => ({ requeueAfterMs: delayMs });

/** Turns a change of a watched object into keys to reconcile. `old` is set on updates, `deleted` on deletions. */
export interface Watch<T extends KubeObject = any> {
  type: ResourceType<T>;
  /** Extra indexes the controller's decisions read. */
  indexes?: Record<string, (object: T) => readonly string[]>;
  /** `initial`: the object was there when the controller started. */
  keys(object: T, change: { old?: T; deleted?: boolean; initial?: boolean }, context: ControllerContext): Iterable<string>;
}

export interface ControllerContext extends Runtime {
  client: Client;
  informers: InformerFactory;
  /** Lister of a declared watch; throws for a type the controller does not watch. */
  lister<T extends KubeObject>(type: ResourceType<T>): Lister<T>;
  informer<T extends KubeObject>(type: ResourceType<T>): Informer<T>;
  recorder: EventRecorder;
  /** Aborts when the controller stops. */
  signal: AbortSignal;
  /** Puts a key of this controller into its queue. */
  enqueue(key: string): void;
  enqueueAfter(key: string, delayMs: number): void;
  /** Command-line values that controllers read, by Kubernetes' flag name, e.g. `cluster-cidr`. */
  flags: Readonly<Record<string, unknown>>;
}

export interface ControllerDefinition<State = unknown> {
  /** The name `--controllers` knows: `replicaset-controller`. */
  name: string;
  /** Shorter names that are accepted too: `replicaset`. */
  aliases?: readonly string[];
  /** Service account in kube-system that it acts as: `replicaset-controller`. Empty: it acts as the manager itself. */
  serviceAccount: string;
  watches: readonly Watch[];
  /** Keys handled side by side; default 5. */
  workers?: number;
  /** A key is not looked at before the caches show what it wrote last. Default false. */
  seesOwnWrites?: boolean;
  /** Name its events carry as their source; default the controller's name. */
  eventSource?: string;
  /** Called once before the first reconcile, caches synced. What it returns is handed to `reconcile` (expectations, last-seen maps). */
  start?(context: ControllerContext): State | Promise<State>;
  /** A throw is logged and the key retried with back-off (a Conflict silently). */
  reconcile(key: string, context: ControllerContext, state: State): Promise<Result>;
  /** Off unless named in `--controllers`. */
  disabledByDefault?: boolean;
}

export const defineController = <State>(definition: ControllerDefinition<State>): ControllerDefinition<State> => definition;
