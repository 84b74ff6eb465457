/** The messages of etcd's v3 API that are used, and where they go: https://etcd.io/docs/v3.4/dev-guide/api_reference_v3/ */
import { message, type Table } from './codec.ts';

export interface Header {
  revision: number;
}
export interface KeyValue {
  key: string;
  createRevision: number;
  modRevision: number;
  version: number;
  value: Buffer;
}
export interface RangeRequest {
  key: string;
  rangeEnd?: string;
  limit?: number;
  revision?: number;
  keysOnly?: boolean;
  countOnly?: boolean;
}
export interface RangeResponse {
  header: Header;
  kvs: KeyValue[];
  more: boolean;
  count: number;
}
export interface PutRequest {
  key: string;
  value: Uint8Array;
  lease?: number;
}
export interface DeleteRequest {
  key: string;
  prevKv?: boolean;
}
export interface DeleteResponse {
  header: Header;
  deleted: number;
  prevKvs: KeyValue[];
}
export interface RequestOp {
  range?: RangeRequest;
  put?: PutRequest;
  deleteRange?: DeleteRequest;
}
export interface ResponseOp {
  range?: RangeResponse;
  put?: { header: Header };
  deleteRange?: DeleteResponse;
}
/** Compares for equality; `target` says with which of the others. */
export interface Compare {
  target: number;
  key: string;
  version?: number;
  modRevision?: number;
}
export const compareVersion = 0;
export const compareModRevision = 2;
export interface TxnRequest {
  compare?: Compare[];
  success: RequestOp[];
  failure?: RequestOp[];
}
export interface TxnResponse {
  header: Header;
  succeeded: boolean;
  responses: ResponseOp[];
}
export interface WatchRequest {
  create?: { key: string; rangeEnd?: string; startRevision?: number; prevKv?: boolean; fragment?: boolean; progressNotify?: boolean };
}
export interface WatchedEvent {
  /** 0: put, 1: delete. */
  type: number;
  kv: KeyValue;
  prevKv?: KeyValue;
}
export interface WatchResponse {
  header: Header;
  created: boolean;
  canceled: boolean;
  compactRevision: number;
  cancelReason: string;
  /** More of the same revision is to come. */
  fragment: boolean;
  events: WatchedEvent[];
}
export interface LeaseResponse {
  id: number;
  ttl: number;
  error: string;
}
export interface StatusResponse {
  header: Header;
  version: string;
  dbSize: number;
}

const header = message([3, 'revision', 'int']);
const keyValue = message([1, 'key', 'text'], [2, 'createRevision', 'int'], [3, 'modRevision', 'int'], [4, 'version', 'int'], [5, 'value', 'bytes']);
const rangeRequest = message([1, 'key', 'text'], [2, 'rangeEnd', 'text'], [3, 'limit', 'int'], [4, 'revision', 'int'], [8, 'keysOnly', 'bool'], [9, 'countOnly', 'bool']);
const rangeResponse = message([1, 'header', header], [2, 'kvs', keyValue, 'repeated'], [3, 'more', 'bool'], [4, 'count', 'int']);
const putRequest = message([1, 'key', 'text'], [2, 'value', 'bytes'], [3, 'lease', 'int']);
const putResponse = message([1, 'header', header]);
const deleteRequest = message([1, 'key', 'text'], [3, 'prevKv', 'bool']);
const deleteResponse = message([1, 'header', header], [2, 'deleted', 'int'], [3, 'prevKvs', keyValue, 'repeated']);
const compare = message([2, 'target', 'int'], [3, 'key', 'text'], [4, 'version', 'int'], [6, 'modRevision', 'int']);
const requestOp = message([1, 'range', rangeRequest], [2, 'put', putRequest], [3, 'deleteRange', deleteRequest]);
const responseOp = message([1, 'range', rangeResponse], [2, 'put', putResponse], [3, 'deleteRange', deleteResponse]);
const txnRequest = message([1, 'compare', compare, 'repeated'], [2, 'success', requestOp, 'repeated'], [3, 'failure', requestOp, 'repeated']);
const txnResponse = message([1, 'header', header], [2, 'succeeded', 'bool'], [3, 'responses', responseOp, 'repeated']);
const compactionRequest = message([1, 'revision', 'int']);
const watchCreate = message([1, 'key', 'text'], [2, 'rangeEnd', 'text'], [3, 'startRevision', 'int'], [4, 'progressNotify', 'bool'], [6, 'prevKv', 'bool'], [8, 'fragment', 'bool']);
const event = message([1, 'type', 'int'], [2, 'kv', keyValue], [3, 'prevKv', keyValue]);

/** One call of the API: its path on the wire and its messages. */
export interface Method<Request, Response> {
  path: string;
  request: Table;
  response: Table;
  /** Only for the types. */
  types?: [Request, Response];
}

export const rangeMethod: Method<RangeRequest, RangeResponse> = { path: '/etcdserverpb.KV/Range', request: rangeRequest, response: rangeResponse };
export const deleteMethod: Method<DeleteRequest, DeleteResponse> = { path: '/etcdserverpb.KV/DeleteRange', request: deleteRequest, response: deleteResponse };
export const txnMethod: Method<TxnRequest, TxnResponse> = { path: '/etcdserverpb.KV/Txn', request: txnRequest, response: txnResponse };
export const compactMethod: Method<{ revision: number }, { header: Header }> = { path: '/etcdserverpb.KV/Compact', request: compactionRequest, response: putResponse };
export const leaseMethod: Method<{ ttl: number; id: number }, LeaseResponse> = {
  path: '/etcdserverpb.Lease/LeaseGrant',
  request: message([1, 'ttl', 'int'], [2, 'id', 'int']),
  response: message([2, 'id', 'int'], [3, 'ttl', 'int'], [4, 'error', 'text']),
};
export const statusMethod: Method<object, StatusResponse> = {
  path: '/etcdserverpb.Maintenance/Status',
  request: message(),
  response: message([1, 'header', header], [2, 'version', 'text'], [3, 'dbSize', 'int']),
};
export const watchMethod: Method<WatchRequest, WatchResponse> = {
  path: '/etcdserverpb.Watch/Watch',
  request: message([1, 'create', watchCreate]),
  response: message([1, 'header', header], [3, 'created', 'bool'], [4, 'canceled', 'bool'], [5, 'compactRevision', 'int'], [6, 'cancelReason', 'text'], [7, 'fragment', 'bool'], [11, 'events', event, 'repeated']),
};
