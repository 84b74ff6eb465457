import { hostname } from 'node:os';
import { join } from 'node:path';
import { ensurePki, type KeyPair, type Pki, writeKubeconfig } from '@pilothouse/apiserver/pki/index';
import { realRuntime } from '@pilothouse/base';
import { nodeName } from '../parts/remote.ts';

interface KubeconfigFlags {
  certDir: string;
  server: string;
  out: string;
  nodeName?: string;
}

/** File → whose certificate is in it. */
const files = (pki: Pki, node: string): Record<string, () => Promise<KeyPair>> => ({
  'admin.conf': () => pki.client('admin'),
  'controller-manager.conf': () => pki.client('controller-manager'),
  'scheduler.conf': () => pki.client('scheduler'),
  'kube-proxy.conf': () => pki.client('kube-proxy'),
  // It publishes a Service and its endpoint in kube-system, which no bootstrap role allows.
  'dns.conf': () => pki.clientCertificate({ commonName: 'system:cluster-dns', organizations: ['system:masters'] }),
  'kubelet.conf': () => pki.kubeletClient(node),
});

/** `pilothouse kubeconfigs`: one file for each daemon, from the certificates of a cluster. */
export async function kubeconfigs(flags: KubeconfigFlags): Promise<void> {
  const pki = await ensurePki(flags.certDir, realRuntime(), { hostName: hostname(), addresses: [new URL(flags.server).hostname].filter((h) => /^[\d.:]+$/.test(h)) });
  for (const [file, pair] of Object.entries(files(pki, nodeName(flags.nodeName)))) {
    const { certificate, key } = await pair();
    const path = join(flags.out, file);
    await writeKubeconfig(path, { server: flags.server, certificateAuthority: pki.ca.certificate, clientCertificate: certificate, clientKey: key });
    console.log(path);
  }
}
