/** The service proxy of a node: watches Services and EndpointSlices and keeps nftables in step. */
import { readFile, writeFile } from 'node:fs/promises';
import { endpointSlices, keyOf, services } from '@pilothouse/apimachinery';
import type { EndpointSlice } from '@pilothouse/api-schemas/types/discovery/v1';
import type { Runtime, Timer } from '@pilothouse/base';
import type { InformerFactory } from '@pilothouse/client';
import { run, runOrThrow } from '../run.ts';
import { baseScript, emptyRuleset, type ProxyOptions, type Ruleset, rulesetFor, tableName, updateScript } from './ruleset.ts';
import { type NodeView, planService, type ServicePortPlan } from './services.ts';

export interface ServiceProxyOptions extends ProxyOptions {
  node: NodeView;
  informers: InformerFactory;
  runtime: Runtime;
  /** Changes are gathered this long; default 20. */
  minSyncPeriodMs?: number;
  /** Take the table away when closed. Default false: connections go on while the proxy restarts. */
  cleanOnClose?: boolean;
}

export interface ServiceProxy {
  /** Resolves once every change seen so far is in force. */
  synced(): Promise<void>;
  close(): Promise<void>;
}

const serviceNameLabel = 'kubernetes.io/service-name';
const serviceOf = (slice: EndpointSlice) => `${slice.metadata.namespace}/${slice.metadata.labels?.[serviceNameLabel] ?? ''}`;

/** @throws Error when nft is missing or refuses the base rules (no permission) */
export async function startServiceProxy(options: ServiceProxyOptions): Promise<ServiceProxy> {
  const { runtime, informers } = options;
  await prepareKernel();
  await runOrThrow('nft', ['-f', '-'], baseScript(options));
  let applied: Ruleset = emptyRuleset();
  const plans = new Map<string, ServicePortPlan[]>();
  const dirty = new Set<string>();
  const serviceInformer = informers.informer(services, { labelSelector: '!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name' });
  const sliceInformer = informers.informer(endpointSlices, { labelSelector: '!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name' });
  sliceInformer.addIndex('service', (slice) => [serviceOf(slice)]);

  let timer: Timer | undefined;
  let running: Promise<void> | undefined;
  let closed = false;
  const touch = (key: string) => {
    dirty.add(key);
    if (!timer && !closed) timer = runtime.clock.after(options.minSyncPeriodMs ?? 20, () => { timer = undefined; void sync(); });
  };
  const removeHandlers = [
    serviceInformer.handle({ add: (s) => touch(keyOf(s)), update: (s) => touch(keyOf(s)), delete: (s) => touch(keyOf(s)) }),
    sliceInformer.handle({ add: (s) => touch(serviceOf(s)), update: (s) => touch(serviceOf(s)), delete: (s) => touch(serviceOf(s)) }),
  ];

  async function apply(): Promise<void> {
    for (const key of dirty) {
      const service = serviceInformer.lister.get(key);
      if (service) plans.set(key, planService(service, sliceInformer.lister.byIndex('service', key), options.node));
      else plans.delete(key);
    }
    dirty.clear();
    const wanted = rulesetFor([...plans.keys()].sort().flatMap((key) => plans.get(key)!));
    const script = updateScript(applied, wanted);
    if (!script) return;
    const result = await run('nft', ['-f', '-'], script);
    if (result.code !== 0) {
      // Somebody else changed the table: start over from the base rules.
      runtime.log.warn('Rewriting the service proxy table', { reason: result.stderr.trim().split('\n')[0] });
      await runOrThrow('nft', ['-f', '-'], baseScript(options) + updateScript(emptyRuleset(), wanted));
    }
    applied = wanted;
  }
  function sync(): Promise<void> {
    // One at a time; what changes meanwhile is picked up by the next.
    running = (running ?? Promise.resolve()).then(apply).catch((error) => {
      runtime.log.error('Service proxy update failed', { err: error });
      applied = emptyRuleset();
      if (!closed) timer ??= runtime.clock.after(1000, () => { timer = undefined; void sync(); });
    });
    return running;
  }
  await Promise.all([serviceInformer.whenSynced(), sliceInformer.whenSynced()]);
  return {
    async synced() {
      timer?.cancel();
      timer = undefined;
      await sync();
    },
    async close() {
      if (closed) return;
      closed = true;
      for (const remove of removeHandlers) remove();
      timer?.cancel();
      await running;
      if (options.cleanOnClose) await removeServiceProxyTable();
    },
  };
}

/** Takes away everything a proxy left behind. */
export async function removeServiceProxyTable(): Promise<void> {
  await run('nft', ['-f', '-'], `add table ip ${tableName}\ndelete table ip ${tableName}\n`);
}

const settings: [string, string][] = [
  ['/proc/sys/net/ipv4/ip_forward', '1'],
  // Node ports on loopback addresses reach pods through the bridge.
  ['/proc/sys/net/ipv4/conf/all/route_localnet', '1'],
  // Traffic between pods of one bridge passes the proxy's rules too.
  ['/proc/sys/net/bridge/bridge-nf-call-iptables', '1'],
];
async function prepareKernel(): Promise<void> {
  for (const [file, value] of settings) {
    const current = await readFile(file, 'utf8').catch(() => undefined);
    if (current !== undefined && current.trim() !== value) await writeFile(file, value).catch(() => undefined);
  }
}
