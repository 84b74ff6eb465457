import type { ApiRequest } from '@pilothouse/apimachinery';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { PeerCertificate, TLSSocket } from 'node:tls';

type Peer = NonNullable<ApiRequest['peer']>;

const known = new WeakMap<object, Peer>();

/** Who is at the other end of a request's connection; looked up once per connection. */
export function peerOf(request: IncomingMessage): Peer {
  // Over HTTP/2 each request has a stand-in for the socket; what lasts is the session.
  const connection: object = (request as unknown as { stream?: { session?: object } }).stream?.session ?? request.socket;
  let peer = known.get(connection);
  if (!peer) {
    peer = describe(request.socket);
    known.set(connection, peer);
  }
  return peer;
}

function describe(socket: Socket): Peer {
  const address = socket.remoteAddress;
  const peer: Peer = address ? { address } : {};
  const tls = socket as TLSSocket;
  if (typeof tls.getPeerCertificate !== 'function') return peer;
  const certificate = tls.getPeerCertificate();
  if (!certificate?.raw) return peer;
  if (!tls.authorized) return { ...peer, certificateError: String(tls.authorizationError ?? 'the certificate could not be verified') };
  return { ...peer, certificate: subjectOf(certificate) };
}

function subjectOf(certificate: PeerCertificate): NonNullable<Peer['certificate']> {
  const subject = certificate.subject as unknown as { CN?: string | string[]; O?: string | string[] };
  const list = (value: string | string[] | undefined): string[] => (value === undefined ? [] : Array.isArray(value) ? value : [value]);
  return { commonName: list(subject.CN)[0] ?? '', organizations: list(subject.O), fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(), raw: certificate.raw };
}
