import { messageOf } from '@pilothouse/base';
import { X509Certificate } from 'node:crypto';

const block = /-----BEGIN ([^\n]*?)-----[\s\S]*?-----END \1-----\n?/g;

/** Why a bundle has no authority in it; undefined where one can be read. */
export function problemOfBundle(base64: string): string | undefined {
  const text = Buffer.from(base64, 'base64').toString('latin1');
  const blocks = [...text.matchAll(block)];
  const problems: string[] = [];
  for (const [pem, type] of blocks) {
    if (type !== 'CERTIFICATE') continue;
    try {
      new X509Certificate(pem);
      return undefined;
    } catch (error) {
      problems.push(`failed to parse certificate: ${messageOf(error)}`);
    }
  }
  const end = blocks.length ? blocks.at(-1)!.index + blocks.at(-1)![0].length : 0;
  const why = problems[0] ?? (end < text.length ? 'unable to parse bytes as PEM block' : 'no valid certificate authority data seen');
  return `unable to load root certificates: ${why}`;
}
