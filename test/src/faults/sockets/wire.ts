/** Bytes for a socket that speaks HTTP/1.1 or HTTP/2, none of them quite right, or cut off somewhere. */
import type { Dice } from '../suite.ts';

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'CONNECT', 'TRACE', 'PRI', 'get', 'G\0T', '', 'PROPFIND', 'X'.repeat(5_000)];
const targets = ['/', '/readyz', '/api/v1/namespaces', '/api/v1/namespaces/fuzz/configmaps', '/api/v1/pods?watch=1', '*', 'http://x/readyz', 'x', '/%zz', '/%', '//', '/..', '/\xff', '/a b', `/${'a'.repeat(70_000)}`, '/api/v1/namespaces/fuzz/pods/x/exec?command=ls', '/?', '/#', '/api/v1/namespaces/fuzz/pods/x/log'];
const versions = ['HTTP/1.1', 'HTTP/1.0', 'HTTP/0.9', 'HTTP/2.0', 'HTTP/9.9', 'http/1.1', '', 'ICY'];
const headerLines = ['Host: x', 'Host: x\r\nHost: y', 'Content-Length: 5', 'Content-Length: -1', 'Content-Length: 5\r\nContent-Length: 6', 'Content-Length: 99999999999999999999', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked, identity', 'Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: chunked\r\nContent-Length: 5', 'Expect: 100-continue', 'Expect: x', 'Connection: close', 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', 'Connection: Upgrade\r\nUpgrade: SPDY/3.1', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__', 'Content-Type: application/json', 'Accept: */*', 'X: \0', 'X: \x7f\xff', 'X : y', ' X: y', 'X', ': y', 'X: y\r\n folded', `X: ${'a'.repeat(80_000)}`, 'Authorization: Bearer \xff', ...Array.from({ length: 3 }, (_, i) => `Impersonate-User: u${i}`)];
const bodies = ['', '{}', 'hello', '5\r\nhello\r\n0\r\n\r\n', 'zz\r\n', '-1\r\n', 'ffffffffffffffff\r\n', '5;ext=1\r\nhello\r\n0\r\nTrailer: x\r\n\r\n', '{"metadata":{"name":"w"}}', '\0\0\0'];

/** One request, right or wrong. */
export function http1Request(dice: Dice): Buffer {
  if (dice.once(2)) {
    // Nearly right, so that more than the parser is reached.
    const body = dice.pick(bodies);
    return Buffer.from(`${dice.pick(['GET', 'POST', 'PUT', 'DELETE', 'PATCH'])} ${dice.pick(targets)} HTTP/1.1\r\nHost: x\r\n${dice.once(2) ? `${dice.pick(headerLines)}\r\n` : ''}${body ? `Content-Length: ${body.length + (dice.once(4) ? dice.between(-1, 50) : 0)}\r\n` : ''}\r\n${body}`, 'latin1');
  }
  const lines = Array.from({ length: dice.below(5) }, () => dice.pick(headerLines));
  if (dice.once(30)) lines.push(...Array.from({ length: 3_000 }, (_, i) => `X-${i}: y`));
  const end = dice.once(10) ? dice.pick(['\n', '\r', '\n\n', '']) : '\r\n';
  return Buffer.from(`${dice.pick(methods)} ${dice.pick(targets)} ${dice.once(4) ? dice.pick(versions) : 'HTTP/1.1'}${end}${lines.map((line) => line + end).join('')}${end}${dice.pick(bodies)}`, 'latin1');
}

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

function frame(type: number, flags: number, stream: number, payload: Uint8Array, length = payload.length): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, payload]);
}

/** `GET /readyz` (or some other path), HPACK without a table: `:method`, `:scheme` by index, the path and authority as literals. */
function headerBlock(path: string): Buffer {
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([Math.min(value.length, 126)]), Buffer.from(value.slice(0, 126), 'latin1')]);
  return Buffer.concat([Buffer.from([0x82, 0x87, 0x04]), text(path), Buffer.from([0x01]), text('x')]);
}

function oddFrame(dice: Dice): Buffer {
  const stream = dice.pick([0, 1, 1, 3, 5, 2, 101, 2 ** 31 - 1, 2 ** 32 - 1]);
  switch (dice.below(12)) {
    case 0:
      return frame(dice.below(16), dice.below(256), stream, dice.bytes(dice.below(60)));
    case 1:
      return frame(1, dice.pick([0, 1, 4, 5, 0x2d]), stream, headerBlock(dice.pick(['/readyz', '/api/v1/pods?watch=1', '/%zz', '/\xff', ''])));
    case 2:
      return frame(1, 4, stream, dice.bytes(dice.below(80)));
    case 3:
      return frame(9, dice.pick([0, 4]), stream, dice.bytes(20));
    case 4:
      return frame(8, 0, stream, Buffer.from(dice.pick([[0, 0, 0, 0], [0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0xff], [0, 0]])));
    case 5:
      return frame(4, dice.pick([0, 1]), dice.pick([0, 1]), dice.bytes(dice.pick([0, 5, 6, 12, 60])));
    case 6:
      return frame(3, 0, stream, Buffer.alloc(dice.pick([4, 3, 0])));
    case 7:
      return frame(2, 0, stream, Buffer.from([0, 0, 0, stream & 0xff, 16]));
    case 8:
      return frame(6, dice.pick([0, 1]), dice.pick([0, 1]), Buffer.alloc(dice.pick([8, 7, 0])));
    case 9:
      return frame(0, dice.pick([0, 1, 8, 9]), stream, Buffer.alloc(dice.pick([0, 1, 1_000, 16_384])));
    case 10:
      return frame(7, 0, 0, Buffer.alloc(dice.pick([8, 4, 40])));
    default:
      return frame(dice.below(10), 0, stream, Buffer.alloc(4), dice.pick([16_385, 2 ** 24 - 1, 100]));
  }
}

/** The bytes of a whole connection. */
export function http2Bytes(dice: Dice): Buffer {
  const pieces: Uint8Array[] = [dice.once(10) ? preface.subarray(0, dice.below(24)) : preface];
  if (!dice.once(8)) pieces.push(frame(4, 0, 0, Buffer.alloc(0)));
  for (let i = dice.between(1, 12); i > 0; i--) pieces.push(oddFrame(dice));
  // Streams opened and reset as quickly as can be.
  if (dice.once(6)) for (let i = 0; i < 300; i++) pieces.push(frame(1, 5, 2 * i + 1001, headerBlock('/api/v1/pods?watch=1')), frame(3, 0, 2 * i + 1001, Buffer.from([0, 0, 0, 8])));
  if (dice.once(10)) for (let i = 0; i < 2_000; i++) pieces.push(frame(dice.pick([4, 6]), 0, 0, Buffer.alloc(dice.pick([0, 8]))));
  return Buffer.concat(pieces);
}
