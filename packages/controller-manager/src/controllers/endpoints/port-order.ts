/** The order in which upstream writes the ports of Endpoints: by FNV-1a (128 bits) over spew's dump of the Go struct. */
import type { EndpointPort } from '@pilothouse/api-schemas/types/core/v1';

const offset = 0x6c62272e07bb014262b821756295c58dn;
const prime = 0x1000000000000000000013bn;
const mask = (1n << 128n) - 1n;

function fnv128a(text: string): bigint {
  let hash = offset;
  for (const byte of Buffer.from(text)) hash = ((hash ^ BigInt(byte)) * prime) & mask;
  return hash;
}

const dump = ({ name, port, protocol, appProtocol }: EndpointPort): string => `(v1.EndpointPort){Name:(string)${name ?? ''} Port:(int32)${port} Protocol:(v1.Protocol)${protocol ?? ''} AppProtocol:(*string)${appProtocol ?? '<nil>'}}`;

/** A copy, ordered. */
export function sortPorts(ports: readonly EndpointPort[]): EndpointPort[] {
  if (ports.length < 2) return [...ports];
  const ranked = ports.map((port) => ({ port, rank: fnv128a(dump(port)) }));
  return ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1)).map(({ port }) => port);
}
