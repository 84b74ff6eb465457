import { existsSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { type ClusterAccess, ensurePki, mergeKubeconfig, type Pki, writeKubeconfig } from '@pilothouse/apiserver/pki/index';
import { jsonLogger, type LogLevel, type MetricsRegistry, realRuntime, type Runtime, Scope, UserError } from '@pilothouse/base';
import { grantLabAccess } from '../lab/access.ts';
import { findLabAssets } from '../lab/assets.ts';
import { startKeeper } from '../lab/keeper.ts';
import { labRoute } from '../lab/route.ts';
import { nthAddress, type RunningApiServer, startApiServer } from '../parts/api-server.ts';
import { startControllers } from '../parts/controllers.ts';
import { inProcessClients } from '../parts/in-process.ts';
import { runUntilSignal } from '../parts/lifetime.ts';
import { ensurePortFree } from '../parts/ports.ts';
import { processMetrics } from '../parts/process-metrics.ts';
import { nodeName } from '../parts/remote.ts';
import { describeStore, embeddedStoreDir, openStore, type StoreFlags } from '../parts/store.ts';
import { logsAndCgroups } from '../parts/kubelet-flags.ts';
import { primaryAddress } from './apiserver.ts';

interface UpFlags extends StoreFlags {
  bindAddress: string;
  securePort: number;
  kubeconfig?: string;
  hollowNodes?: number;
  containerRuntimeEndpoint: string;
  serviceClusterIpRange: string;
  clusterCidr: string;
  clusterDomain: string;
  nodeName?: string;
  nodeIp?: string;
  cniConfDir: string;
  kubeletRootDir: string;
  podLogsDir: string;
  cgroupRoot: string;
  tokenAuthFile?: string;
  controllers: string[];
  defaultStorageClass: boolean;
  serviceLbPool?: string[];
  explain: boolean;
  schedulerConfig?: string;
  plugin: string[];
  /** As they were given, for /flagz. */
  flagz: Readonly<Record<string, string>>;
  metricsServer?: boolean;
  logLevel: LogLevel;
}

const defaultDataDir = (): string => (process.getuid?.() === 0 ? '/var/lib/pilothouse' : join(process.env.XDG_DATA_HOME ?? join(homedir(), '.local/share'), 'pilothouse'));

interface NodePlan {
  /** CRI socket of the real node; undefined: none. */
  runtimeEndpoint: string | undefined;
  hollow: number;
  /** Why so, for people. */
  why: string;
}

/** A real node if it is root and a runtime's socket is there, else three hollow ones; flags overrule. @throws UserError */
async function planNodes(flags: UpFlags): Promise<NodePlan> {
  const { runtimeSockets } = await import('../parts/node.ts');
  const asked = flags.containerRuntimeEndpoint;
  const root = process.getuid?.() === 0;
  if (asked !== 'auto' && asked !== 'none') {
    if (!root) throw new UserError(`--container-runtime-endpoint ${asked}: a node that runs containers needs root`);
    return { runtimeEndpoint: asked, hollow: flags.hollowNodes ?? 0, why: 'the flag --container-runtime-endpoint names it' };
  }
  if (flags.hollowNodes !== undefined || asked === 'none') return { runtimeEndpoint: undefined, hollow: flags.hollowNodes ?? 3, why: 'as the flags say' };
  if (!root) return { runtimeEndpoint: undefined, hollow: 3, why: 'not root, so no containers can be run' };
  const socket = runtimeSockets.find((path) => existsSync(path));
  if (!socket) return { runtimeEndpoint: undefined, hollow: 3, why: `no container runtime's socket is here (${runtimeSockets.join(', ')})` };
  return { runtimeEndpoint: `unix://${socket}`, hollow: 0, why: `${socket} is here` };
}

const say = (text: string) => console.log(text);

/** `pilothouse up`: everything in one process. */
export async function up(flags: UpFlags): Promise<void> {
  const runtime = realRuntime(jsonLogger({ level: flags.logLevel }));
  const started = runtime.clock.monotonic();
  const dataDir = flags.dataDir ?? defaultDataDir();
  const scope = new Scope('up');
  try {
    const plan = await planNodes(flags);
    await ensurePortFree(flags.bindAddress, flags.securePort);
    const nodeIp = plan.runtimeEndpoint ? (flags.nodeIp ?? (await (await import('@pilothouse/node-network/node-address')).ensureNodeAddress())) : undefined;
    const advertiseAddress = nodeIp ?? (flags.bindAddress.startsWith('127.') ? (primaryAddress() ?? '198.19.0.1') : flags.bindAddress);
    const storeFlags = { ...flags, dataDir: embeddedStoreDir(dataDir) };
    say(`Store: ${describeStore(storeFlags)}`);
    const [pki, store] = await Promise.all([
      ensurePki(join(dataDir, 'pki'), runtime, { hostName: hostname(), addresses: [flags.bindAddress, advertiseAddress], serviceAddress: nthAddress(flags.serviceClusterIpRange, 1) }),
      openStore(runtime, storeFlags),
    ]);
    scope.own(store);
    const metrics = processMetrics(runtime);
    const assets = findLabAssets();
    const api = await startApiServer(runtime, scope, {
      pki, store, metrics,
      bindAddresses: [...new Set([flags.bindAddress, ...(nodeIp ? [nodeIp] : [])])],
      securePort: flags.securePort, advertiseAddress, serviceClusterIpRange: flags.serviceClusterIpRange, tokenAuthFile: flags.tokenAuthFile, publicRoutes: assets ? [labRoute(assets)] : [], flagz: flags.flagz,
    });
    say(`API server: ${api.url} (ready after ${Math.round(runtime.clock.monotonic() - started)} ms)`);
    const context = await writeAccess(runtime, pki, api, flags);
    await startDaemons(runtime, scope, { flags, plan, api, pki, nodeIp, dataDir, metrics });
    if (assets) say(`Lab: ${await startLab(runtime, scope, api)}`);
    say(`\nTry:  kubectl${context} create deployment web --image=nginx --replicas=3\n      kubectl${context} get pods -o wide\n\nCtrl-C stops the cluster; its state stays in ${dataDir}.`);
  } catch (error) {
    await scope.close().catch(() => undefined);
    throw error;
  }
  await runUntilSignal(scope, runtime.clock);
  say('Stopped.');
}

/** The lab's link, with a token, and the keeper of its lessons. */
async function startLab(runtime: Runtime, scope: Scope, api: RunningApiServer): Promise<string> {
  const client = inProcessClients(api.server.handle, runtime, scope).client('lab', { commonName: 'system:pilothouse-lab', organizations: ['system:masters'] });
  const token = await grantLabAccess(client, runtime);
  startKeeper(client, { ...runtime, log: runtime.log.child({ daemon: 'lab' }) }, scope);
  return `${api.url}/lab#token=${token}`;
}

/** Writes the administrator's kubeconfig; returns what kubectl must be told beyond it. */
async function writeAccess(runtime: Runtime, pki: Pki, api: RunningApiServer, flags: UpFlags): Promise<string> {
  const admin = await pki.client('admin');
  const access: ClusterAccess = { server: api.url, certificateAuthority: pki.ca.certificate, clientCertificate: admin.certificate, clientKey: admin.key };
  if (flags.kubeconfig) {
    await writeKubeconfig(flags.kubeconfig, access, { name: 'pilothouse', userName: 'admin' });
    say(`Kubeconfig: ${flags.kubeconfig}`);
    return ` --kubeconfig ${flags.kubeconfig}`;
  }
  const file = (process.env.KUBECONFIG ?? '').split(':').find(Boolean) ?? join(homedir(), '.kube/config');
  await mergeKubeconfig(file, 'pilothouse', access, runtime.clock);
  say(`Kubeconfig: context "pilothouse" in ${file}, now current`);
  return '';
}

interface Daemons {
  flags: UpFlags;
  plan: NodePlan;
  api: RunningApiServer;
  pki: Pki;
  nodeIp: string | undefined;
  dataDir: string;
  metrics: MetricsRegistry;
}

async function startDaemons(runtime: Runtime, scope: Scope, { flags, plan, api, pki, nodeIp, dataDir, metrics }: Daemons): Promise<void> {
  const clients = inProcessClients(api.server.handle, runtime, scope);
  const withLog = (daemon: string): Runtime => ({ ...runtime, log: runtime.log.child({ daemon }) });

  const managerRuntime = withLog('controller-manager');
  const manager = clients.client('kube-controller-manager', { commonName: 'system:kube-controller-manager', organizations: [] });
  const managerInformers = clients.informers(manager);
  await startControllers(managerRuntime, scope, {
    client: manager,
    informers: managerInformers,
    clientFor: clients.serviceAccounts('kube-controller-manager', manager),
    // At the end, so that what the flag says of it comes first.
    selection: flags.defaultStorageClass ? [...flags.controllers, 'hostpath-provisioner-controller'] : flags.controllers,
    metrics,
    flags: {
      'cluster-cidr': flags.clusterCidr, 'service-cluster-ip-range': flags.serviceClusterIpRange, 'allocate-node-cidrs': true,
      'root-ca-file': pki.ca.certificate, 'cluster-signing-cert-file': pki.ca.certificate, 'cluster-signing-key-file': pki.ca.key, 'service-account-private-key-file': pki.serviceAccount.then((key) => key.privateKey),
      'service-lb-pool': flags.serviceLbPool,
      'hostpath-provisioner-directory': join(dataDir, 'volumes'), ...(plan.runtimeEndpoint && { 'hostpath-provisioner-node': nodeName(flags.nodeName) }),
    },
  });
  if (flags.defaultStorageClass) await (await import('@pilothouse/controller-manager')).installHostPathStorage(clients.client('pilothouse', { commonName: 'system:addons', organizations: ['system:masters'] }));
  say('Controllers: running');

  const { collectSchedulerState, schedulerMetrics, startScheduler } = await import('@pilothouse/scheduler');
  const { readSchedulerConfig, schedulerSetup } = await import('../parts/scheduler-setup.ts');
  const schedulerOptions = await schedulerSetup(readSchedulerConfig(flags.schedulerConfig, 'scheduler-config') ?? {}, { featureGates: [], plugin: flags.plugin }, runtime.log);
  const schedulerClient = clients.client('kube-scheduler', { commonName: 'system:kube-scheduler', organizations: [] });
  const lab = flags.explain ? (await import('../parts/lab.ts')).labAttachment(withLog('scheduler-lab'), scope) : undefined;
  const scheduler = scope.own(await startScheduler({ ...schedulerOptions, client: schedulerClient, informers: clients.informers(schedulerClient), runtime: withLog('scheduler'), metrics: schedulerMetrics(metrics), observe: lab?.observe }));
  collectSchedulerState(metrics, scheduler);
  const { labHost, registerLab, unregisterLab } = await import('../parts/lab-objects.ts');
  const addons = clients.client('pilothouse', { commonName: 'system:addons', organizations: ['system:masters'] });
  if (lab) {
    const { authority, tls } = await (await import('../parts/own-certificate.ts')).ownCertificate(runtime, labHost);
    const { port } = await lab.serve({ client: schedulerClient, host: '127.0.0.1', port: 0, tls, metrics });
    await registerLab(addons, { port, certificateAuthority: authority });
  } else await unregisterLab(addons);
  say(`Scheduler: running${lab ? ', and explains itself (kubectl get schedulingtraces -A)' : ''}`);

  const clusterDns = nthAddress(flags.serviceClusterIpRange, 10);
  if (plan.runtimeEndpoint) {
    const { startNode } = await import('../parts/node.ts');
    const network = await import('@pilothouse/node-network');
    const name = nodeName(flags.nodeName);
    const kubelet = clients.client('kubelet', { commonName: `system:node:${name}`, organizations: ['system:nodes'] });
    const informers = clients.informers(kubelet);
    const serving = await pki.kubeletServing(name, [nodeIp!, '127.0.0.1']);
    informers.start();
    await startNode(withLog('kubelet'), scope, {
      client: kubelet, informers, nodeName: name, runtimeEndpoint: plan.runtimeEndpoint, cniConfDir: flags.cniConfDir,
      options: { nodeIps: [nodeIp!], rootDir: flags.kubeletRootDir, ...logsAndCgroups(flags), clusterDns: [clusterDns], clusterDomain: flags.clusterDomain, server: { address: nodeIp!, cert: serving.certificate, key: serving.key, clientCa: pki.ca.certificate } },
    });
    const proxyClient = clients.client('kube-proxy', { commonName: 'system:kube-proxy', organizations: ['system:node-proxier'] });
    const proxyInformers = clients.informers(proxyClient);
    proxyInformers.start();
    scope.own(await network.startServiceProxy({ runtime: withLog('proxy'), informers: proxyInformers, node: { nodeName: name, zone: undefined }, clusterCIDRs: [flags.clusterCidr], serviceCIDRs: [flags.serviceClusterIpRange], nodePortAddresses: [nodeIp!, '127.0.0.1'] }));
    if (flags.serviceLbPool) scope.own(network.announceLoadBalancers({ runtime: withLog('proxy'), informers: proxyInformers }));
    const dnsClient = clients.client('cluster-dns', { commonName: 'system:cluster-dns', organizations: ['system:masters'] });
    const dnsInformers = clients.informers(dnsClient);
    dnsInformers.start();
    const dns = scope.own(await network.startDnsServer({ runtime: withLog('dns'), informers: dnsInformers, address: nodeIp!, port: 1053, domain: flags.clusterDomain }));
    await network.publishDnsService(dnsClient, { clusterIP: clusterDns, address: dns.address, port: dns.port });
    say(`Node: ${name} at ${nodeIp}, containers by ${plan.runtimeEndpoint} (${plan.why}); service proxy and cluster DNS are running`);
  }
  if (plan.hollow > 0) {
    const { startHollowNodes } = await import('@pilothouse/kubelet-lite/hollow');
    const hollow = clients.client('kubelet', { commonName: 'system:hollow-nodes', organizations: ['system:masters'] });
    scope.own(await startHollowNodes({ client: hollow, runtime: withLog('hollow'), count: plan.hollow, clusterDns: [clusterDns], server: { address: '127.0.0.1', port: 0, clientCa: pki.ca.certificate } }));
    say(`Nodes: ${plan.hollow} hollow ones, which simulate their containers (${plan.why})`);
  } else if (!plan.runtimeEndpoint) {
    say(`Nodes: none (${plan.why})`);
  }
  const metricsIdentity = { commonName: 'system:metrics-server', organizations: ['system:masters'] };
  const metricsClient = clients.client('metrics-server', metricsIdentity);
  if (flags.metricsServer) {
    const { serveMetricsApi } = await import('../parts/metrics-api.ts');
    await serveMetricsApi(withLog('metrics-server'), scope, { client: metricsClient, informers: managerInformers, kubelets: await pki.clientCertificate(metricsIdentity), host: '127.0.0.1', port: 0 });
    say('Metrics server: running; kubectl top has something to show after half a minute');
  } else {
    const { withdrawMetricsApi } = await import('@pilothouse/metrics-server/publish');
    await withdrawMetricsApi(metricsClient);
  }
}
