/** The command line: subcommands and flags, named as Kubernetes names them. Each command's code is loaded when it is run. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { addControllerFlags } from './parts/controller-flags.ts';
import { formatDuration, parseDuration } from './parts/duration.ts';
import { programVersion } from './version.ts';

const port = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65535) throw new InvalidArgumentError('needed: a port, 0 to 65535');
  return value;
};
const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('needed: a whole number, 0 or more');
  return value;
};
const number = (text: string): number => {
  const value = Number(text);
  if (!text || !Number.isFinite(value)) throw new InvalidArgumentError('needed: a number');
  return value;
};
/** As milliseconds. */
const duration = (text: string): number => {
  const value = parseDuration(text);
  if (value === undefined) throw new InvalidArgumentError('needed: a duration as 1h, 5m0s or 300ms');
  return value;
};
const share = (text: string): number => {
  const value = Number(text);
  if (!(value >= 0 && value <= 0.02)) throw new InvalidArgumentError('can not be less than 0 or greater than 0.02');
  return value;
};
const list = (text: string): string[] => text.split(',').filter(Boolean);
const flag = (text: string): boolean => {
  if (!['true', 'false'].includes(text)) throw new InvalidArgumentError('needed: true or false');
  return text === 'true';
};
const logLevel = () => new Option('--log-level <level>', 'what is logged').choices(['debug', 'info', 'warn', 'error', 'silent']).default('warn');

/** A boolean flag as Go's: `--leader-elect`, `--leader-elect=false`. */
const boolean = (name: string, description: string, value: boolean) => new Option(`--${name} [bool]`, description).preset(true).argParser((text: string | boolean) => (typeof text === 'boolean' ? text : flag(text))).default(value);

function leaderFlags(command: Command, name: string): Command {
  return command
    .addOption(boolean('leader-elect', 'stand for election before working', true))
    .option('--leader-elect-lease-duration <duration>', 'how long others wait for a leader that does not renew', duration, duration('15s'))
    .option('--leader-elect-renew-deadline <duration>', 'a leader that has not renewed for so long gives up', duration, duration('10s'))
    .option('--leader-elect-retry-period <duration>', 'pause between attempts', duration, duration('2s'))
    .option('--leader-elect-resource-lock <kind>', 'what is locked', 'leases')
    .option('--leader-elect-resource-name <name>', 'name of the Lease', name)
    .option('--leader-elect-resource-namespace <namespace>', 'its namespace', 'kube-system');
}

function secureServingFlags(command: Command, standardPort: number): Command {
  return command
    .option('--bind-address <address>', 'where /metrics, /healthz, /livez and /readyz are served', '0.0.0.0')
    .option('--secure-port <port>', 'their port (HTTPS); 0: do not serve', port, standardPort)
    .option('--tls-cert-file <file>', 'serving certificate; absent: made for this run')
    .option('--tls-private-key-file <file>', 'its key')
    .option('--client-ca-file <file>', 'authority of clients\' certificates')
    .option('--authentication-kubeconfig <file>', 'whom clients\' tokens are reviewed by')
    .option('--authorization-kubeconfig <file>', 'who says what clients may')
    .option('--authorization-always-allow-paths <paths>', 'paths that anybody may read', list, ['/healthz', '/readyz', '/livez']);
}

/** What the daemons have in common that stand for election and serve their own state. `name`: of their Lease. */
const leadingDaemonFlags = (command: Command, name: string, standardPort: number): Command =>
  secureServingFlags(leaderFlags(command, name), standardPort)
    .option('--metrics-port <port>', 'serve the same in plain HTTP on 127.0.0.1; 0: do not', port, 0)
    .addOption(logLevel());

/** Every flag of a command and its value, as Go's flags print themselves. */
function flagValues(command: Command): Record<string, string> {
  const text = (value: unknown, isDuration: boolean): string => (value === undefined ? '' : Array.isArray(value) ? `[${value.join(',')}]` : isDuration ? formatDuration(Number(value)) : String(value));
  return Object.fromEntries(command.options.map((option) => [option.name(), text(command.getOptionValue(option.attributeName()), option.parseArg === (duration as unknown))]));
}

function etcdFlags(command: Command): Command {
  return etcdAccessFlags(command)
    .option('--etcd-compaction-interval <duration>', 'how often the history in etcd is compacted, and how much of it stays; 0: never', duration, duration('5m'))
    .option('--auto-compaction-retention <duration>', 'how long the embedded store keeps what was overwritten readable (default: 1h; in memory 5m)', duration);
}

function etcdAccessFlags(command: Command): Command {
  return command
    .option('--etcd-servers <urls>', 'etcd servers, comma separated; absent: the embedded store', list)
    .option('--etcd-prefix <path>', 'prefix of all keys in etcd', '/registry')
    .option('--etcd-cafile <file>', 'authorities of etcd\'s certificates')
    .option('--etcd-certfile <file>', 'client certificate for etcd')
    .option('--etcd-keyfile <file>', 'its key');
}

/** A flag that may be given again. */
const each = (text: string, before: string[]): string[] => [...before, text];

/** kubectl's flags for which cluster and namespace, and the form of the output. */
function accessFlags(command: Command): Command {
  return command
    .option('-n, --namespace <name>', 'default: the context\'s')
    .option('--kubeconfig <file>', 'default: $KUBECONFIG, or ~/.kube/config')
    .option('--context <name>', 'default: the current one')
    .option('-o, --output <format>', 'json or yaml');
}

export function buildProgram(): Command {
  const program = new Command('pilothouse')
    .description('A Kubernetes control plane you can see through.')
    .version(programVersion, '-V, --version')
    .exitOverride()
    .showHelpAfterError('(--help lists the flags)');

  etcdFlags(program.command('up'))
    .description('everything in one process: API server, scheduler, controllers, and a node or three')
    .option('--data-dir <dir>', 'where the cluster lives on disk (default: /var/lib/pilothouse for root, else ~/.local/share/pilothouse)')
    .option('--bind-address <address>', 'where the API server listens', '127.0.0.1')
    .option('--secure-port <port>', 'its port', port, 6443)
    .option('--kubeconfig <file>', 'write this kubeconfig; absent: a context "pilothouse" is merged into yours')
    .option('--hollow-nodes <n>', 'run this many simulated nodes', count)
    .option('--container-runtime-endpoint <url>', 'CRI socket for a real node, or none', 'auto')
    .option('--service-cluster-ip-range <cidr>', 'addresses of services', '10.96.0.0/16')
    .option('--cluster-cidr <cidr>', 'addresses of pods', '10.244.0.0/16')
    .option('--cluster-domain <domain>', 'domain of cluster DNS', 'cluster.local')
    .option('--node-name <name>', 'name of the real node; default: the host\'s name')
    .option('--node-ip <address>', 'address of the real node; default: one on an interface made for it')
    .option('--cni-conf-dir <dir>', 'where the runtime looks for its network configuration', '/etc/cni/net.d')
    .option('--kubelet-root-dir <dir>', 'where the kubelet keeps volumes', '/var/lib/kubelet')
    .option('--pod-logs-dir <dir>', 'logs of containers', '/var/log/pods')
    .option('--cgroup-root <path>', 'pods\' cgroups are below it', '/')
    .option('--token-auth-file <file>', 'static tokens, CSV')
    .option('--controllers <names>', '* all that are on by default, foo: foo on, -foo: foo off', list, ['*'])
    .option('--service-lb-pool <ranges>', 'addresses of services of type LoadBalancer: blocks, ranges A-B, single ones; the node answers for them', list)
    .addOption(boolean('default-storage-class', 'install the default StorageClass "standard": directories on the claims\' nodes', true))
    .option('--metrics-server', 'serve metrics.k8s.io as well: kubectl top works, and autoscalers scale by use')
    .addOption(boolean('explain', 'the scheduler notes why it decides as it does, and serves lab.pilothouse.dev', true))
    .option('--scheduler-config <file>', 'KubeSchedulerConfiguration: profiles, plugins, weights, extenders')
    .option('--plugin <file>', 'a scheduler plugin of your own; may be given again', (file: string, files: string[]) => [...files, file], [] as string[])
    .option('--in-memory', 'keep nothing on disk but certificates: the cluster is gone when the program ends')
    .addOption(logLevel())
    .action(async (options, command) => (await import('./commands/up.ts')).up({ ...options, flagz: flagValues(command) }));

  etcdFlags(program.command('apiserver'))
    .description('the API server')
    .option('--data-dir <dir>', 'directory of the embedded store, where no --etcd-servers are given')
    .option('--cert-dir <dir>', 'certificates in kubeadm\'s layout; what is missing is made there')
    .option('--bind-address <address>', 'where to listen', '0.0.0.0')
    .option('--advertise-address <address>', 'address that the cluster\'s members use')
    .option('--secure-port <port>', 'port', port, 6443)
    .option('--service-cluster-ip-range <cidr>', 'addresses of services', '10.96.0.0/16')
    .option('--service-node-port-range <range>', 'ports of NodePort services', '30000-32767')
    .option('--service-account-issuer <url>', 'issuer of service account tokens', 'https://kubernetes.default.svc.cluster.local')
    .option('--authorization-mode <modes>', 'comma separated', list)
    .option('--enable-admission-plugins <names>', 'on beyond the default', list)
    .option('--disable-admission-plugins <names>', 'off despite the default', list)
    .addOption(boolean('anonymous-auth', 'requests without credentials are system:anonymous', true))
    .option('--token-auth-file <file>', 'static tokens, CSV')
    .option('--audit-policy-file <file>', 'what is audited')
    .option('--audit-log-path <file>', 'where the audit log goes; - is standard output')
    .option('--max-requests-inflight <n>', 'reads at one time; 0: no limit', count, 400)
    .option('--max-mutating-requests-inflight <n>', 'writes at one time; 0: no limit', count, 200)
    .option('--request-timeout <duration>', 'a request that is no watch is answered 504 after so long', duration, duration('60s'))
    .option('--min-request-timeout <seconds>', 'a watch that asks for no timeout ends after this to twice this', count, 1800)
    .option('--requestheader-client-ca-file <file>', 'authorities of front proxies, which say in headers who their users are (default: the one in --cert-dir)')
    .option('--requestheader-allowed-names <names>', 'names of their certificates (default: front-proxy-client with the authority in --cert-dir, else any)', list)
    .option('--requestheader-username-headers <names>', 'where they name the user (default: X-Remote-User)', list)
    .option('--requestheader-uid-headers <names>', 'where its uid (default: X-Remote-Uid)', list)
    .option('--requestheader-group-headers <names>', 'where its groups (default: X-Remote-Group)', list)
    .option('--requestheader-extra-headers-prefix <prefixes>', 'what begins the names of further headers about it (default: X-Remote-Extra-)', list)
    .option('--proxy-client-cert-file <file>', 'certificate as which extension API servers are asked (default: made in --cert-dir)')
    .option('--proxy-client-key-file <file>', 'its key')
    .addOption(boolean('enable-aggregator-routing', 'ask extension API servers at the endpoints of their services rather than at the services\' addresses', false))
    .addOption(boolean('enable-priority-and-fairness', 'share the two limits above, added up, out by flow schemas and priority levels', true))
    .addOption(logLevel())
    .option('--goaway-chance <share>', 'share of HTTP/2 requests after which a client is told to connect anew, so that it may reach another server; 0 to 0.02', share, 0)
    .action(async (options, command) => (await import('./commands/apiserver.ts')).apiserver({ ...options, flagz: flagValues(command) }));

  etcdAccessFlags(program.command('backup'))
    .description('write what a cluster holds into a file, while it runs or not')
    .argument('<file>', 'where to; an older one is replaced once the new one is whole')
    .option('--data-dir <dir>', 'the cluster\'s directory, where its store is embedded')
    .action(async (file, options) => (await import('./commands/backup.ts')).backup(file, options));

  etcdAccessFlags(program.command('restore'))
    .description('make a store of a backup; the API server must not run')
    .argument('<file>', 'what pilothouse backup wrote')
    .option('--data-dir <dir>', 'the directory of the new cluster; must not have a store yet')
    .action(async (file, options) => (await import('./commands/restore.ts')).restore(file, options));

  const manager = program.command('controller-manager')
    .description('the controllers')
    .requiredOption('--kubeconfig <file>', 'how to reach the API server')
    .option('--controllers <names>', '* all that are on by default, foo: foo on, -foo: foo off', list, ['*'])
    .addOption(boolean('use-service-account-credentials', 'each controller acts as its own service account', true))
    .option('--feature-gates <settings>', 'Name=true or Name=false; refused where it is not what is built in', list, [])
    .option('--kube-api-qps <n>', 'requests per second that each client allows itself; 0: no limit', number, 0)
    .option('--kube-api-burst <n>', 'requests at once under --kube-api-qps (default: twice that)', count, 0);
  leadingDaemonFlags(manager, 'kube-controller-manager', 10257);
  addControllerFlags(manager).action(async (options) => (await import('./commands/controller-manager.ts')).controllerManager(options));

  const scheduler = program.command('scheduler')
    .description('the scheduler')
    .option('--kubeconfig <file>', 'how to reach the API server; default: clientConnection.kubeconfig of --config')
    .option('--master <url>', 'address of the API server, instead of the kubeconfig\'s')
    .option('--config <file>', 'KubeSchedulerConfiguration')
    .option('--write-config-to <file>', 'write the configuration with everything filled in (as JSON, which is YAML) and exit')
    .option('--feature-gates <settings>', 'Name=true or Name=false of the gates that schedulers look at', list, [])
    .option('--plugin <file>', 'a plugin of your own; may be given again', (file: string, files: string[]) => [...files, file], [] as string[])
    .addOption(boolean('explain', 'note why it decides as it does, and serve lab.pilothouse.dev on --secure-port (docs/lab.md has the manifest)', false))
    .addOption(boolean('first-by-name', 'decide between nodes of equal score by name, not by chance', false))
    .option('--kube-api-qps <n>', 'requests per second that the client allows itself; 0: no limit', number, 0)
    .option('--kube-api-burst <n>', 'requests at once under --kube-api-qps (default: twice that)', count, 0)
    .option('--pod-max-in-unschedulable-pods-duration <duration>', 'a pod that no event helped is tried again after so long', duration, duration('5m'));
  leadingDaemonFlags(scheduler, 'kube-scheduler', 10259)
    .action(async (options, command: Command) => (await import('./commands/scheduler.ts')).scheduler(options, (name) => command.getOptionValueSource(name) === 'cli'));

  accessFlags(program.command('why'))
    .description('why a pod is where it is, or nowhere; also as kubectl why')
    .argument('<pod>', 'the name of a pod')
    .action(async (pod, options) => (await import('./commands/why.ts')).why(pod, options));

  accessFlags(program.command('whatif'))
    .description('what the scheduler would do with a pod if the cluster were changed so; also as kubectl whatif. Changes nothing')
    .argument('[pod]', 'the name of a pod there is')
    .option('-f, --filename <file>', 'pods, or workloads with a pod template; - is standard input')
    .option('--node-taint <taint>', 'NODE=KEY[=VALUE]:EFFECT to add, NODE=KEY[:EFFECT]- to take away; may be repeated', each, [])
    .option('--node-label <label>', 'NODE=KEY=VALUE to set, NODE=KEY- to take away; may be repeated', each, [])
    .option('--node-resize <amounts>', 'NODE=RESOURCE=AMOUNT[,…]: what the node has to give; may be repeated', each, [])
    .option('--add-node <name=like>', 'one more node, like another; may be repeated', each, [])
    .option('--remove-node <node>', 'without this node and its pods; may be repeated', each, [])
    .option('--cordon <node>', 'with the node cordoned; may be repeated', each, [])
    .option('--uncordon <node>', 'with the node uncordoned; may be repeated', each, [])
    .option('--evict <pod>', 'without this pod, [NAMESPACE/]NAME; may be repeated', each, [])
    .option('--priority <n>', 'with this priority', number)
    .option('--profile <name>', 'with another of the scheduler\'s profiles')
    .option('--config <file>', 'with another KubeSchedulerConfiguration')
    .action(async (pod, options) => (await import('./commands/what-if.ts')).whatIf(pod, options));

  program.command('scheduler-case')
    .description('run recorded scheduling cases on the scheduler\'s plugins: one JSON line per case with what was decided')
    .argument('<file>', 'cases, one JSON object a line; - is standard input')
    .action(async (file) => (await import('./commands/scheduler-case.ts')).schedulerCase(file));

  program.command('kubelet')
    .description('the node agent')
    .requiredOption('--kubeconfig <file>', 'how to reach the API server')
    .option('--hostname-override <name>', 'the node\'s name; default: the host\'s')
    .option('--node-ip <address>', 'the node\'s address')
    .option('--container-runtime-endpoint <url>', 'CRI socket', 'unix:///run/containerd/containerd.sock')
    .option('--root-dir <dir>', 'volumes and state', '/var/lib/kubelet')
    .option('--pod-logs-dir <dir>', 'logs of containers', '/var/log/pods')
    .option('--cgroup-root <path>', 'pods\' cgroups are below it', '/')
    .option('--cert-dir <dir>', 'serving certificate', '/var/lib/kubelet/pki')
    .option('--tls-cert-file <file>', 'serving certificate; absent: made in --cert-dir')
    .option('--tls-private-key-file <file>', 'its key')
    .option('--client-ca-file <file>', 'authority of clients\' certificates')
    .option('--address <address>', 'where the server listens; default: the node\'s address')
    .option('--port <port>', 'its port', port, 10250)
    .option('--cluster-dns <addresses>', 'DNS servers of pods', list, ['10.96.0.10'])
    .option('--cluster-domain <domain>', 'their domain', 'cluster.local')
    .option('--cni-conf-dir <dir>', 'write the pod network\'s configuration here', '/etc/cni/net.d')
    .addOption(logLevel())
    .action(async (options) => (await import('./commands/kubelet.ts')).kubelet(options));

  program.command('proxy')
    .description('the service proxy of a node (nftables)')
    .requiredOption('--kubeconfig <file>', 'how to reach the API server')
    .option('--hostname-override <name>', 'the node\'s name; default: the host\'s')
    .option('--cluster-cidr <cidrs>', 'addresses of pods', list, ['10.244.0.0/16'])
    .option('--service-cluster-ip-range <cidrs>', 'addresses of services', list, ['10.96.0.0/16'])
    .option('--nodeport-addresses <addresses>', 'where node ports are served; absent: every address of the node but loopback', list)
    .option('--cleanup', 'take the rules away and exit')
    .addOption(logLevel())
    .action(async (options) => (await import('./commands/proxy.ts')).proxy(options));

  program.command('dns')
    .description('cluster DNS')
    .requiredOption('--kubeconfig <file>', 'how to reach the API server')
    .option('--address <address>', 'where to listen; must be reachable from pods', '127.0.0.1')
    .option('--port <port>', 'its port', port, 1053)
    .option('--cluster-domain <domain>', 'domain answered for', 'cluster.local')
    .option('--cluster-ip <address>', 'publish as the service kube-dns at this address', '10.96.0.10')
    .option('--upstream <addresses>', 'resolvers for other names; default those of /etc/resolv.conf', list)
    .addOption(logLevel())
    .action(async (options) => (await import('./commands/dns.ts')).dns(options));

  program.command('metrics-server')
    .description('what nodes and pods use, as metrics.k8s.io')
    .requiredOption('--kubeconfig <file>', 'how to reach the API server; its credentials are shown to kubelets too')
    .option('--address <address>', 'where to listen; must be reachable from the API server', '127.0.0.1')
    .option('--secure-port <port>', 'its port', port, 4443)
    .option('--metric-resolution <duration>', 'how often kubelets are asked', duration, duration('15s'))
    .option('--kubelet-certificate-authority <file>', 'authorities of kubelets\' certificates; absent: these are not checked')
    .addOption(logLevel())
    .action(async (options) => (await import('./commands/metrics-server.ts')).metricsServer(options));

  program.command('hollow-nodes')
    .description('simulated nodes, for any cluster')
    .requiredOption('--kubeconfig <file>', 'how to reach the API server; must be allowed to act as nodes')
    .option('--count <n>', 'how many', count, 3)
    .option('--prefix <text>', 'their names are PREFIX0, PREFIX1, …', 'hollow-node-')
    .option('--client-ca-file <file>', 'authority of the certificates of those who ask the nodes for logs, exec and the like (default: the one that the API server publishes)')
    .addOption(logLevel())
    .action(async (options) => (await import('./commands/hollow-nodes.ts')).hollowNodes(options));

  program.command('lab')
    .description('the scheduler lab in a browser: why here, why not there, what if')
    .option('--kubeconfig <file>', 'the cluster and who you are to it; default: as kubectl')
    .option('--port <port>', 'serve on this port of 127.0.0.1; 0: any', port, 0)
    .addOption(logLevel())
    .action(async (options) => (await import('./commands/lab.ts')).lab(options));

  program.command('kubeconfigs')
    .description('write a kubeconfig for each daemon, from a cluster\'s certificates')
    .requiredOption('--cert-dir <dir>', 'the certificates, in kubeadm\'s layout; what is missing is made there')
    .requiredOption('--server <url>', 'how the daemons reach the API server')
    .requiredOption('--out <dir>', 'where the files go')
    .option('--node-name <name>', 'whose kubelet the kubelet.conf is for; default: this host')
    .action(async (options) => (await import('./commands/kubeconfigs.ts')).kubeconfigs(options));

  return program;
}
