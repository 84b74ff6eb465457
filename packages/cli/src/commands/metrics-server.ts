import { readFileSync } from 'node:fs';
import { type LogLevel, messageOf, UserError } from '@pilothouse/base';
import { loadKubeconfig } from '@pilothouse/client';
import { runUntilSignal } from '../parts/lifetime.ts';
import { serveMetricsApi } from '../parts/metrics-api.ts';
import { connect } from '../parts/remote.ts';

interface MetricsServerFlags {
  kubeconfig: string;
  address: string;
  securePort: number;
  /** Milliseconds. */
  metricResolution: number;
  kubeletCertificateAuthority?: string;
  logLevel: LogLevel;
}

function readAuthority(file: string | undefined): string | undefined {
  if (!file) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`--kubelet-certificate-authority ${file}: ${messageOf(error)}`);
  }
}

/** `pilothouse metrics-server`: kubelets are asked with the kubeconfig's credentials. */
export async function metricsServer(flags: MetricsServerFlags): Promise<void> {
  const { runtime, client, informers, scope } = connect('metrics-server', flags);
  const access = loadKubeconfig(flags.kubeconfig);
  const url = await serveMetricsApi(runtime, scope, {
    client, informers, host: flags.address, port: flags.securePort, resolutionMs: flags.metricResolution,
    kubelets: {
      certificate: access.clientCertificate?.toString(), key: access.clientKey?.toString(), certificateAuthority: readAuthority(flags.kubeletCertificateAuthority),
      token: async () => (access.tokenFile ? readFileSync(access.tokenFile, 'utf8').trim() : access.token),
    },
  });
  console.error(`pilothouse metrics-server: v1beta1.metrics.k8s.io is served at ${url}`);
  await runUntilSignal(scope, runtime.clock);
}
