/**
 * Which API servers are alive: a key each that expires, where kube-apiserver's lie too, so that servers of both kinds agree
 * on the endpoints of the `kubernetes` service.
 */
import { prefixRange, type Store } from '@pilothouse/storage';

const prefix = '/registry/masterleases/';
/** A server that has not renewed for so long gets no more traffic. */
const ttlSeconds = 15;

export interface MasterLeases {
  /** Says that the server at this address is alive. */
  renew(address: string): Promise<void>;
  /** Addresses of the servers that are alive, in order. */
  addresses(): Promise<string[]>;
  withdraw(address: string): Promise<void>;
}

export function masterLeases(store: Store): MasterLeases {
  let generation = 0;
  return {
    async renew(ip) {
      generation++;
      const value = { kind: 'Endpoints', apiVersion: 'v1', metadata: { generation }, subsets: [{ addresses: [{ ip }] }] };
      await store.put(prefix + ip, Buffer.from(JSON.stringify(value)), { ttlSeconds });
    },
    async addresses() {
      const { entries } = await store.range(prefixRange(prefix));
      return entries.map(({ key }) => key.slice(prefix.length)).sort();
    },
    async withdraw(ip) {
      await store.delete(prefix + ip);
    },
  };
}
