/** Asks extension servers as the aggregator does: as system:kube-aggregator, with the front proxy's certificate. */
import { request } from 'node:https';
import type { AskDiscovery } from './keep-availability.ts';

const timeoutMs = 5_000;

/** @param identity gives the front proxy's client certificate and key, PEM */
export const askDiscoveryAs = (identity: () => Promise<{ certificate: string; key: string }>): AskDiscovery =>
  async (url, { spec }) => {
    const { certificate, key } = await identity();
    await new Promise<void>((resolve, reject) => {
      const { name, namespace } = spec!.service!;
      const asking = request(url, {
        cert: certificate,
        key,
        servername: `${name}.${namespace}.svc`,
        rejectUnauthorized: !spec!.insecureSkipTLSVerify,
        ...(spec!.caBundle && { ca: Buffer.from(spec!.caBundle, 'base64') }),
        headers: { 'x-remote-user': 'system:kube-aggregator', 'x-remote-group': 'system:masters' },
        timeout: timeoutMs,
      });
      asking.on('timeout', () => asking.destroy(new Error('context deadline exceeded')));
      asking.on('error', reject);
      asking.on('response', (response) => {
        response.resume();
        const status = response.statusCode ?? 0;
        if (status >= 200 && status < 300) resolve();
        else reject(new Error(`bad status from ${url}: ${status}`));
      });
      asking.end();
    });
  };
