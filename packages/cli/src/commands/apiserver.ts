import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { jsonLogger, type LogLevel, realRuntime, Scope, UserError } from '@pilothouse/base';
import { ensurePki } from '@pilothouse/apiserver/pki/index';
import { type FrontProxyFlags, frontProxyOf } from '../parts/front-proxy.ts';
import { nthAddress, startApiServer } from '../parts/api-server.ts';
import { runUntilSignal } from '../parts/lifetime.ts';
import { processMetrics } from '../parts/process-metrics.ts';
import { ensurePortFree } from '../parts/ports.ts';
import { describeStore, embeddedStoreDir, openStore, type StoreFlags } from '../parts/store.ts';

interface ApiServerFlags extends StoreFlags, FrontProxyFlags {
  certDir?: string;
  bindAddress: string;
  advertiseAddress?: string;
  securePort: number;
  serviceClusterIpRange: string;
  serviceNodePortRange: string;
  serviceAccountIssuer: string;
  authorizationMode?: string[];
  enableAdmissionPlugins?: string[];
  disableAdmissionPlugins?: string[];
  anonymousAuth: boolean;
  tokenAuthFile?: string;
  auditPolicyFile?: string;
  auditLogPath?: string;
  maxRequestsInflight: number;
  maxMutatingRequestsInflight: number;
  requestTimeout: number;
  minRequestTimeout: number;
  enablePriorityAndFairness: boolean;
  enableAggregatorRouting: boolean;
  goawayChance: number;
  flagz: Readonly<Record<string, string>>;
  logLevel: LogLevel;
}

/** The machine's own address as others see it; undefined where it has only loopback ones. */
export const primaryAddress = (): string | undefined => Object.values(networkInterfaces()).flat().find((a) => a && a.family === 'IPv4' && !a.internal)?.address;

/** `pilothouse apiserver` */
export async function apiserver(flags: ApiServerFlags): Promise<void> {
  const runtime = realRuntime(jsonLogger({ level: flags.logLevel, fields: { daemon: 'apiserver' } }));
  const scope = new Scope('apiserver');
  const certDir = flags.certDir ?? (flags.dataDir ? join(flags.dataDir, 'pki') : undefined);
  if (!certDir) throw new UserError('--cert-dir is needed: where are the certificates, or where shall they be made?');
  await ensurePortFree(flags.bindAddress, flags.securePort);
  const wildcard = flags.bindAddress === '0.0.0.0' || flags.bindAddress === '::';
  const advertiseAddress = flags.advertiseAddress ?? (wildcard || flags.bindAddress.startsWith('127.') ? (primaryAddress() ?? '198.19.0.1') : flags.bindAddress);
  const [pki, store] = await Promise.all([
    ensurePki(certDir, runtime, { hostName: hostname(), addresses: [flags.bindAddress, advertiseAddress], serviceAddress: nthAddress(flags.serviceClusterIpRange, 1) }),
    openStore(runtime, { ...flags, dataDir: flags.dataDir && embeddedStoreDir(flags.dataDir) }),
  ]);
  scope.own(store);
  const running = await startApiServer(runtime, scope, { ...flags, pki, store, bindAddresses: [flags.bindAddress], advertiseAddress, frontProxy: frontProxyOf(flags, pki), metrics: processMetrics(runtime) }).catch(async (error) => {
    await scope.close();
    throw error;
  });
  console.error(`pilothouse apiserver: serving at ${running.url}, store: ${describeStore(flags)}`);
  await runUntilSignal(scope, runtime.clock);
}
