/** exec, attach and port-forward: passed through to the kubelet of the pod's node. */
import { badRequestError, goQuote } from '@pilothouse/apimachinery';
import type { ConnectContext, ConnectHandler } from '../contract.ts';
import { containerOf, podNamed } from './containers.ts';
import type { Kubelets } from './kubelet.ts';
import { passUpgrade, wantsUpgrade } from './upgrade.ts';

/** As query strings say yes. */
export const isSet = (query: URLSearchParams, name: string): boolean => {
  const value = query.get(name)?.toLowerCase();
  return value !== undefined && value !== 'false' && value !== '0';
};

/** The kubelet has its own names for the streams. */
const kubeletNames: Readonly<Record<string, string>> = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' };

interface Stream {
  subresource: 'exec' | 'attach' | 'portforward';
  kind: string;
  path(context: ConnectContext, container: string): string;
}

function streamQuery(context: ConnectContext): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, kubeletName] of Object.entries(kubeletNames)) if (isSet(context.query, name)) query.append(kubeletName, '1');
  return query;
}

const target = (context: ConnectContext, verb: string, container?: string) => [`/${verb}`, context.namespace, context.name, ...(container ? [container] : [])].map((part, i) => (i ? encodeURIComponent(part) : part)).join('/');
const withQuery = (path: string, query: URLSearchParams) => (query.size ? `${path}?${query}` : path);

const streams: readonly Stream[] = [
  {
    subresource: 'exec',
    kind: 'PodExecOptions',
    path(context, container) {
      const query = streamQuery(context);
      for (const command of context.query.getAll('command')) query.append('command', command);
      return withQuery(target(context, 'exec', container), query);
    },
  },
  { subresource: 'attach', kind: 'PodAttachOptions', path: (context, container) => withQuery(target(context, 'attach', container), streamQuery(context)) },
  {
    subresource: 'portforward',
    kind: 'PodPortForwardOptions',
    path(context) {
      const query = new URLSearchParams();
      const ports = context.query.getAll('ports').flatMap((p) => p.split(','));
      if (ports.length) query.append('port', ports.join(','));
      return withQuery(target(context, 'portForward'), query);
    },
  },
];

/** @throws StatusError 400 for what is no number of 16 bits */
function portOf(text: string): number {
  const why = !/^\d+$/.test(text) ? 'invalid syntax' : Number(text) > 65_535 ? 'value out of range' : undefined;
  if (why) throw badRequestError(`cannot convert to []int32: strconv.ParseUint: parsing ${goQuote(text)}: ${why}`);
  return Number(text);
}

function optionsOf({ subresource, kind }: Stream, query: URLSearchParams): Record<string, unknown> {
  const options: Record<string, unknown> = { apiVersion: 'v1', kind };
  if (subresource === 'portforward') {
    const ports = query.getAll('ports').flatMap((p) => p.split(',')).map(portOf);
    return { ...options, ...(ports.length && { ports }) };
  }
  for (const name of ['stdin', 'stdout', 'stderr', 'tty']) if (isSet(query, name)) options[name] = true;
  if (query.get('container')) options.container = query.get('container');
  if (subresource === 'exec') options.command = query.getAll('command');
  return options;
}

export const streamHandlers = (kubelets: Kubelets): ConnectHandler[] =>
  streams.map((stream) => ({
    plural: 'pods',
    subresource: stream.subresource,
    methods: ['GET', 'POST'],
    async connect(context) {
      const { request, read, namespace, name, query } = context;
      await context.admit(optionsOf(stream, query));
      const pod = await podNamed(read, name, namespace);
      const container = stream.subresource === 'portforward' ? '' : containerOf(pod, query.get('container') ?? '');
      const node = pod.spec?.nodeName;
      if (!node) throw badRequestError(`pod ${name} does not have a host assigned`);
      const kubelet = await kubelets.locate(read, node);
      if (!wantsUpgrade(request)) throw badRequestError('Upgrade request required');
      return passUpgrade(request, kubelet, stream.path(context, container), await kubelets.tls());
    },
  }));
