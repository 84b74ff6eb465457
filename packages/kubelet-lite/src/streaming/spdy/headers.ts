/** SPDY/3 header blocks: name/value pairs in one zlib stream per direction that lasts as long as the connection. */
import { createInflate, type Inflate } from 'node:zlib';

/** The dictionary of the SPDY/3 specification (2.6.10.1): words with their lengths, then text. */
const words = 'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin';
const tail =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.';

const lengthOf = (n: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(n);
  return bytes;
};
export const dictionary = Buffer.concat([...words.split(' ').flatMap((word) => [lengthOf(word.length), Buffer.from(word.replace('_', ' '))]), Buffer.from(tail)]);

export type Headers = Record<string, string>;

/** An empty stored block: what makes Go's inflater hand out what it has, as a compressor's sync flush does. */
const flush = Buffer.from([0, 0, 0, 0xff, 0xff]);

/**
 * Writes blocks. They are stored, not compressed: they are small, and so need no compressor with its memory and its
 * turns of the event loop. The first begins the zlib stream.
 */
export function createHeaderWriter(): (headers: Headers) => Buffer {
  let begun = false;
  return (headers) => {
    const pairs = Object.entries(headers);
    const block = Buffer.concat([lengthOf(pairs.length), ...pairs.flatMap(([name, value]) => [lengthOf(Buffer.byteLength(name)), Buffer.from(name.toLowerCase()), lengthOf(Buffer.byteLength(value)), Buffer.from(value)])]);
    const stored = Buffer.alloc(5);
    stored.writeUInt16LE(block.length, 1);
    stored.writeUInt16LE(block.length ^ 0xffff, 3);
    const start = begun ? [] : [Buffer.from([0x78, 0x01])];
    begun = true;
    return Buffer.concat([...start, stored, block, flush]);
  };
}

export interface HeaderReader {
  /** One block; blocks must be read one after the other. */
  read(block: Buffer): Promise<Headers>;
  close(): void;
}

export function createHeaderReader(): HeaderReader {
  const inflate: Inflate = createInflate({ dictionary });
  let pieces: Buffer[] = [];
  let failed: ((error: Error) => void) | undefined;
  inflate.on('data', (piece: Buffer) => pieces.push(piece));
  inflate.on('error', (error) => failed?.(error));
  return {
    read: (block) =>
      new Promise((resolve, reject) => {
        failed = reject;
        pieces = [];
        inflate.write(block, () => {
          try {
            resolve(parse(Buffer.concat(pieces)));
          } catch (error) {
            reject(error);
          }
        });
      }),
    close: () => inflate.destroy(),
  };
}

function parse(block: Buffer): Headers {
  const headers: Headers = {};
  let at = 4;
  const text = () => {
    const n = block.readUInt32BE(at);
    const value = block.toString('utf8', at + 4, at + 4 + n);
    at += 4 + n;
    return value;
  };
  for (let count = block.readUInt32BE(0); count > 0; count--) {
    const name = text().toLowerCase();
    headers[name] = text().split('\0').join(', ');
  }
  return headers;
}
