import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { ExtenderConfig } from '@pilothouse/scheduler-framework';

/** Sends a body to an address and resolves with the decoded answer. Rejects unless the status is 200, or when the signal aborts. */
export type PostJson = (url: string, body: unknown, signal: AbortSignal) => Promise<unknown>;

/** A file's content, or what stands in the configuration itself (base64). */
const material = (file: string | undefined, data: string | undefined): Buffer | undefined => (data ? Buffer.from(data, 'base64') : file ? readFileSync(file) : undefined);

/** Over HTTP or HTTPS, with connections that are kept. As upstream, HTTPS without an authority trusts any server where `enableHTTPS` is set. @throws Error for a file that cannot be read */
export function httpPost({ enableHTTPS, tlsConfig = {} }: ExtenderConfig): PostJson {
  const ca = material(tlsConfig.caFile, tlsConfig.caData);
  const https = new HttpsAgent({
    keepAlive: true, ca, cert: material(tlsConfig.certFile, tlsConfig.certData), key: material(tlsConfig.keyFile, tlsConfig.keyData),
    ...(tlsConfig.serverName && { servername: tlsConfig.serverName }),
    rejectUnauthorized: !(tlsConfig.insecure || (enableHTTPS && !ca)),
  });
  const http = new HttpAgent({ keepAlive: true });
  return (url, body, signal) =>
    new Promise((resolve, reject) => {
      const text = JSON.stringify(body);
      const secure = url.startsWith('https:');
      const options = { method: 'POST', agent: secure ? https : http, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }, signal };
      const fail = (error: Error) => reject(signal.aborted ? signal.reason : error);
      const request = (secure ? httpsRequest : httpRequest)(url, options, (response) => {
        const pieces: Buffer[] = [];
        response.on('error', fail).on('data', (piece) => pieces.push(piece)).on('end', () => {
          if (response.statusCode !== 200) return reject(new Error(`failed ${url.split('/').at(-1)} with extender at URL ${url}, code ${response.statusCode}`));
          try {
            resolve(JSON.parse(Buffer.concat(pieces).toString()));
          } catch (error) {
            reject(error as Error);
          }
        });
      });
      request.on('error', fail);
      request.end(text);
    });
}
