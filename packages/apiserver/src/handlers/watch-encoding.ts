import { apiVersionOf, encodeProtobuf, type KubeObject, type Status, watchFrame } from '@pilothouse/apimachinery';
import { encodeObject } from '../cache/encoding.ts';
import type { Delivery } from '../cache/watcher.ts';
import type { Call } from './call.ts';
import { checkStreamable, protobufType } from '../request/negotiate.ts';
import { protobufOf } from './protobuf.ts';
import { includeObjectOf, partialMetadata, tableOf } from './transform.ts';
import { viewOf, viewOfObject, type View } from './view.ts';

export interface WatchEncoder {
  headers: Record<string, string>;
  /** In pieces worth a write each. */
  bytes(deliveries: readonly Delivery[]): Iterable<Uint8Array>;
  objects(deliveries: readonly Delivery[]): { type: string; object: KubeObject }[];
  error(status: Status): Uint8Array;
}

const heads: Readonly<Record<string, Buffer>> = Object.fromEntries(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'].map((type) => [type, Buffer.from(`{"type":"${type}","object":`)]));
const tail = Buffer.from('}\n');
/** Events are joined up to this many bytes a write. */
const joinBytes = 64 * 1024;

/** How the events of a watch are written, as the request asks. Plain events are encoded once for all their watchers. */
export function watchEncoder(call: Call): WatchEncoder {
  const { accept, resource } = call;
  checkStreamable(accept);
  const bookmark = bookmarks(call);
  const viewOfDelivery = (delivery: Delivery): View => (delivery.type === 'BOOKMARK' ? bookmark(delivery.revision, delivery.initialEventsEnd) : viewOf(resource, delivery.object));
  const objects = (deliveries: readonly Delivery[]) => deliveries.map((delivery) => ({ type: delivery.type, object: viewOfDelivery(delivery).object }));
  const headers = { 'content-type': accept.format === 'protobuf' ? `${protobufType};stream=watch` : 'application/json', 'cache-control': 'no-cache, private' };
  const errorValue = (status: Status) => ({ type: 'ERROR', object: { kind: 'Status', apiVersion: 'v1', ...status } });
  if (accept.format === 'protobuf') {
    return { headers, objects, error: (status) => watchFrame('ERROR', encodeProtobuf({ ...status, kind: 'Status', apiVersion: 'v1' })), bytes: (deliveries) => joined(deliveries, (delivery) => protobufFrame(call, delivery, viewOfDelivery)) };
  }
  const error = (status: Status): Uint8Array => Buffer.from(`${JSON.stringify(errorValue(status))}\n`);
  if (!accept.as) {
    return { headers, objects, error, bytes: (deliveries) => joined(deliveries, (delivery) => (delivery.type === 'BOOKMARK' ? frameOf('BOOKMARK', viewOfDelivery(delivery)) : sharedFrame(call, delivery))) };
  }
  includeObjectOf(call.info.query);
  let first = true;
  return {
    headers,
    objects,
    error,
    bytes: (deliveries) =>
      joined(deliveries, (delivery) => {
        const value = { type: delivery.type, object: shaped(call, viewOfDelivery(delivery), first) };
        first = false;
        return Buffer.from(`${JSON.stringify(value)}\n`);
      }),
  };
}

function shaped(call: Call, view: View, withDefinitions: boolean): object {
  const { as } = call.accept;
  if (!as) return view.object;
  if (as.kind === 'Table') return tableOf(call, [view], { resourceVersion: view.object.metadata.resourceVersion ?? '' }, withDefinitions);
  return partialMetadata(view.object, as.version);
}

const frameOf = (type: string, view: View): Buffer => Buffer.concat([heads[type], view.bytes.subarray(0, view.bytes.length - 1), tail]);

/** The frame that all watchers of this change share. */
function sharedFrame(call: Call, delivery: Exclude<Delivery, { type: 'BOOKMARK' }>): Buffer {
  return delivery.object.form(`${delivery.type} ${call.resource.view}`, (entry) => frameOf(delivery.type, viewOf(call.resource, entry)));
}

function protobufFrame(call: Call, delivery: Delivery, viewOfDelivery: (delivery: Delivery) => View): Buffer {
  const { as } = call.accept;
  const make = (): Buffer => {
    const view = viewOfDelivery(delivery);
    const object = as ? encodeProtobuf(partialMetadata(view.object, as.version)) : Buffer.concat(protobufOf(call.resource, view));
    return Buffer.from(watchFrame(delivery.type, object).buffer);
  };
  return delivery.type === 'BOOKMARK' ? make() : delivery.object.form(`protobuf ${delivery.type} ${call.resource.apiVersion} ${as?.version ?? ''}`, make);
}

function* joined(deliveries: readonly Delivery[], encode: (delivery: Delivery) => Buffer): Generator<Uint8Array> {
  if (deliveries.length === 1) {
    yield encode(deliveries[0]);
    return;
  }
  let pending: Buffer[] = [];
  let size = 0;
  for (const delivery of deliveries) {
    const frame = encode(delivery);
    pending.push(frame);
    size += frame.length;
    if (size < joinBytes) continue;
    yield sharedJoin(pending);
    pending = [];
    size = 0;
  }
  if (size) yield sharedJoin(pending);
}

let lastFrames: readonly Buffer[] = [];
let lastJoined: WeakRef<Buffer> | undefined;

/** The frames in one buffer; the same one for the watchers of a round that are sent the same. */
function sharedJoin(frames: Buffer[]): Buffer {
  if (frames.length === 1) return frames[0];
  if (frames.length === lastFrames.length && frames.every((frame, i) => frame === lastFrames[i])) {
    const joined = lastJoined?.deref();
    if (joined) return joined;
  }
  const made = Buffer.concat(frames);
  lastFrames = frames;
  lastJoined = new WeakRef(made);
  return made;
}

/** Bookmarks look like an empty object of the kind with nothing but a revision. */
function bookmarks(call: Call): (revision: number, initialEventsEnd: boolean) => View {
  const { codec, kind, definition } = call.resource;
  const apiVersion = apiVersionOf(definition.type.group, definition.type.version);
  return (revision, initialEventsEnd) => {
    const metadata = { resourceVersion: String(revision), ...(initialEventsEnd && { annotations: { 'k8s.io/initial-events-end': 'true' } }) };
    const object = codec.decode({ kind, apiVersion, metadata }).object as KubeObject;
    const bytes = encodeObject(object);
    return { ...viewOfObject(object), bytes };
  };
}
