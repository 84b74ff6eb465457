/** HTTP through the API server to pods, services and nodes (`…/proxy/…`). */
import type { Service } from '@pilothouse/api-schemas/types/core/v1';
import { type ApiResponse, badRequestError, endpointSlices, goQuote, notFoundError, services, serviceUnavailableError } from '@pilothouse/apimachinery';
import type { ConnectContext, ConnectHandler } from '../contract.ts';
import { podNamed } from './containers.ts';
import { forward } from './forward.ts';
import type { Kubelets } from './kubelet.ts';
import { requireProxyable, splitSchemeNamePort, type Target } from './target.ts';
import { wantsUpgrade } from './upgrade.ts';

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

function split(context: ConnectContext, what: string) {
  const parts = splitSchemeNamePort(context.name);
  if (!parts) throw badRequestError(`invalid ${what} request ${goQuote(context.name)}`);
  return { ...parts, secure: parts.scheme === 'https' };
}

const defaultPort = (secure: boolean) => (secure ? 443 : 80);

async function podTarget(context: ConnectContext): Promise<Target> {
  const { name, port, secure } = split(context, 'pod');
  const pod = await podNamed(context.read, name, context.namespace);
  const chosen = port || pod.spec?.containers?.find((c) => c.ports?.length)?.ports?.[0].containerPort;
  const host = pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP;
  requireProxyable(host);
  return { secure, host: host!, port: Number(chosen || defaultPort(secure)) };
}

/** The name of the service port meant: by its number, its name, or the only one. */
function servicePortName(service: Service, port: string): string {
  const ports = service.spec?.ports ?? [];
  if (!port) return ports.length === 1 ? (ports[0].name ?? '') : '';
  if (!/^\d+$/.test(port)) return port;
  const found = ports.find((p) => p.port === Number(port));
  if (!found) throw serviceUnavailableError(`no service port ${port} found for service ${goQuote(service.metadata.name ?? '')}`);
  return found.name ?? '';
}

async function serviceTarget(context: ConnectContext): Promise<Target> {
  const { name, port, secure } = split(context, 'service');
  const service = await context.read.get(services, name, context.namespace);
  if (!service) throw notFoundError(services, name);
  const portName = servicePortName(service, port);
  const slices = (await context.read.list(endpointSlices, context.namespace)).filter((s) => s.metadata.labels?.['kubernetes.io/service-name'] === name);
  if (!slices.length) throw notFoundError(services, name);
  const targets = slices.flatMap((slice) => {
    const found = slice.ports?.find((p) => (p.name ?? '') === portName);
    return found?.port ? (slice.endpoints ?? []).filter((e) => e.conditions?.ready !== false).flatMap((e) => e.addresses.map((host) => ({ host, port: found.port! }))) : [];
  });
  if (!targets.length) throw serviceUnavailableError(`no endpoints available for service ${goQuote(context.name.includes(':') ? context.name : name)}`);
  const chosen = targets[context.random.below(targets.length)];
  requireProxyable(chosen.host);
  return { secure, ...chosen };
}

/** Redirects to the directory, so that relative links work; otherwise passes the request on. */
async function proxy(context: ConnectContext, target: Target, more: { tls?: Awaited<ReturnType<Kubelets['tls']>>; agent?: Awaited<ReturnType<Kubelets['agent']>> } = {}): Promise<ApiResponse> {
  const { request } = context;
  const [path, query] = request.url.split(/\?(.*)/s);
  if (!context.path && (request.method === 'GET' || request.method === 'HEAD') && !wantsUpgrade(request)) return { status: 301, headers: { location: `${path}/${query === undefined ? '' : `?${query}`}` } };
  // The backend gets its path undecoded, as the client sent it: what comes after `/api/v1[/namespaces/N]/RESOURCE/NAME/proxy`.
  const depth = context.namespace ? 8 : 6;
  const parts = path.split('/');
  const prefix = parts.slice(0, depth).join('/');
  const backendPath = `/${parts.slice(depth).join('/')}`;
  return forward(request, target, { path: query === undefined ? backendPath : `${backendPath}?${query}`, prefix, ...more });
}

const admitted = (kind: string, locate: (context: ConnectContext) => Promise<Target>) => async (context: ConnectContext) => {
  await context.admit({ apiVersion: 'v1', kind, ...(context.path && { path: context.path }) });
  return proxy(context, await locate(context));
};

export const proxyHandlers = (kubelets: Kubelets): ConnectHandler[] => [
  { plural: 'pods', subresource: 'proxy', methods, connect: admitted('PodProxyOptions', podTarget) },
  { plural: 'services', subresource: 'proxy', methods, connect: admitted('ServiceProxyOptions', serviceTarget) },
  {
    plural: 'nodes',
    subresource: 'proxy',
    methods,
    async connect(context) {
      await context.admit({ apiVersion: 'v1', kind: 'NodeProxyOptions', ...(context.path && { path: context.path }) });
      const { name, port, secure } = split(context, 'node');
      const kubelet = await kubelets.locate(context.read, name);
      // Only the kubelet itself is shown the API server's certificate.
      if (!port || Number(port) === kubelet.port) return proxy(context, kubelet, { tls: await kubelets.tls(), agent: await kubelets.agent() });
      requireProxyable(kubelet.host);
      return proxy(context, { secure, host: kubelet.host, port: Number(port) });
    },
  },
];
