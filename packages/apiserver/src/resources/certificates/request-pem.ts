/** Certificate requests and certificates as they are sent: in PEM. */
import { goQuote } from '@pilothouse/apimachinery';
import { createPublicKey, verify, X509Certificate } from 'node:crypto';

interface Block {
  type: string;
  headers: boolean;
  der: Buffer;
}

const blockForm = /-----BEGIN ([^\n]*?)-----\s*\n([\s\S]*?)-----END \1-----/g;

const blocksOf = (pem: Buffer): Block[] =>
  [...pem.toString('latin1').matchAll(blockForm)].map(([, type, body]) => ({
    type,
    headers: /^[^\n]*:/.test(body),
    der: Buffer.from(body.slice(body.includes(':') ? body.search(/\r?\n\r?\n/) : 0), 'base64'),
  }));

interface Element {
  tag: number;
  /** With its header. */
  whole: Buffer;
  content: Buffer;
}

/** The elements that a piece of DER consists of. @throws Error where it is cut off. */
function elementsOf(der: Buffer): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < der.length; ) {
    const start = at;
    const tag = der[at++];
    let length = der[at++];
    if (length === undefined) throw new Error('asn1: syntax error: truncated tag or length');
    if (length & 0x80) {
      const bytes = length & 0x7f;
      if (bytes === 0 || bytes > 4 || at + bytes > der.length) throw new Error('asn1: syntax error: truncated tag or length');
      length = der.readUIntBE(at, bytes);
      at += bytes;
    }
    if (at + length > der.length) throw new Error('asn1: syntax error: data truncated');
    elements.push({ tag, whole: der.subarray(start, at + length), content: der.subarray(at, at + length) });
    at += length;
  }
  return elements;
}

interface Scheme {
  digest: string | null;
  failure: string;
}

const ecdsa = (digest: string): Scheme => ({ digest, failure: 'x509: ECDSA verification failure' });
const rsa = (digest: string): Scheme => ({ digest, failure: 'crypto/rsa: verification error' });

/** By the object identifier of the signature's algorithm, in DER. */
const schemes: Record<string, Scheme> = {
  '2a8648ce3d040302': ecdsa('sha256'),
  '2a8648ce3d040303': ecdsa('sha384'),
  '2a8648ce3d040304': ecdsa('sha512'),
  '2a864886f70d01010b': rsa('sha256'),
  '2a864886f70d01010c': rsa('sha384'),
  '2a864886f70d01010d': rsa('sha512'),
  '2b6570': { digest: null, failure: 'x509: Ed25519 verification failure' },
};

/** What is wrong with a request for a certificate in PEM: its form, or its signature by its own key. */
export function problemOfRequest(pem: Buffer): string | undefined {
  const block = blocksOf(pem)[0];
  if (block?.type !== 'CERTIFICATE REQUEST') return 'PEM block type must be CERTIFICATE REQUEST';
  try {
    const [request, trailing] = elementsOf(block.der);
    if (request?.tag !== 0x30) return 'asn1: structure error: tags don\'t match';
    if (trailing) return 'asn1: syntax error: trailing data';
    const [info, algorithm, signature] = elementsOf(request.content);
    const [identifier] = elementsOf(algorithm.content);
    const publicKey = elementsOf(info.content)[2];
    const scheme = schemes[identifier.content.toString('hex')];
    if (!scheme) return 'x509: cannot verify signature: algorithm unimplemented';
    const key = createPublicKey({ key: publicKey.whole, format: 'der', type: 'spki' });
    return verify(scheme.digest, info.whole, key, signature.content.subarray(1)) ? undefined : scheme.failure;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return message.startsWith('asn1: ') ? message : 'asn1: structure error: invalid certificate request';
  }
}

/** What is wrong with issued certificates in PEM; none at all is fine. */
export function problemOfCertificates(pem: Buffer): string | undefined {
  if (!pem.length) return undefined;
  const blocks = blocksOf(pem);
  for (const { type, headers, der } of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${goQuote(type)}`;
    if (headers) return 'no PEM block headers are permitted';
    if (!der.length) return 'found CERTIFICATE PEM block containing 0 certificates';
    try {
      new X509Certificate(der);
    } catch {
      return 'x509: malformed certificate';
    }
  }
  return blocks.length ? undefined : 'must contain at least one CERTIFICATE PEM block';
}
