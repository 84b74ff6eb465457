import type { LoopbackClient } from '../bootstrap/client.ts';
import type { OpenApiTexts } from '../openapi/documents.ts';
import type { ApiRequest, ApiResponse } from '@pilothouse/apimachinery';
import type { Awaitable, Runtime } from '@pilothouse/base';
import type { Store } from '@pilothouse/storage';
import type { AdmissionPlugin, Column, ConnectHandler, Decision, ObjectFeed, RequestAttributes, User, VirtualHandler } from '../contract.ts';
import type { DeliveryRounds } from '../cache/delivery-rounds.ts';
import type { StoreFeed } from '../cache/store-feed.ts';
import type { ResourceRegistry, ServedResource } from '../registry.ts';
import type { RequestInfo } from '../request/info.ts';
import type { Accepted } from '../request/negotiate.ts';

/** The server as its handlers see it. */
export interface ServerCore extends Runtime {
  /** Documentation of fields, for the columns of Tables. */
  texts: () => OpenApiTexts;
  store: Store;
  feed: StoreFeed;
  registry: ResourceRegistry;
  read: ObjectFeed;
  /** Requests of the server to itself. */
  client: LoopbackClient;
  admission: readonly AdmissionPlugin[];
  virtualHandlers: readonly VirtualHandler[];
  connectHandlers: readonly ConnectHandler[];
  authorize(attributes: RequestAttributes): Awaitable<Decision>;
  minWatchTimeoutMs: number;
  /** When watchers on connections are written to. */
  rounds: DeliveryRounds;
  /** Parts of the control plane, for componentstatuses: reject with the reason when not healthy. */
  componentChecks: Readonly<Record<string, () => Promise<void>>>;
  /** Aborts when the server stops taking requests: watches end. */
  draining: AbortSignal;
}

/** One request to a resource, on its way through a handler. */
export interface Call {
  core: ServerCore;
  request: ApiRequest;
  info: RequestInfo;
  user: User;
  resource: ServedResource;
  accept: Accepted;
  /** Columns of a Table where they are not the resource's own. */
  columns?: readonly Column<any>[];
  /** Texts for Warning headers. */
  warnings: string[];
  /** Is told what becomes of a watch. */
  observer?: WatchObserver;
}

export interface WatchObserver {
  /** This many events went to the client. */
  sent(count: number): void;
  /** Repeatable. */
  ended(): void;
}

export type Handler = (call: Call) => Promise<ApiResponse> | ApiResponse;
