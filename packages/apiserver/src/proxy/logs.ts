/** A container's log, streamed from the kubelet of its node. */
import { type ApiResponse, badRequestError, type FieldError, forbidden, goQuote, internalError, invalid, invalidError, StatusError } from '@pilothouse/apimachinery';
import { request as requestHttps } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { ConnectContext, ConnectHandler } from '../contract.ts';
import { containerOf, podNamed } from './containers.ts';
import type { Kubelets, TlsMaterial } from './kubelet.ts';
import { isSet } from './streams.ts';
import { dialError, hostPort, plainError, type Target } from './target.ts';

const numbers = ['sinceSeconds', 'tailLines', 'limitBytes'] as const;
const flags = ['follow', 'previous', 'timestamps'] as const;

interface LogOptions {
  container: string;
  insecure: boolean;
  numbers: Partial<Record<(typeof numbers)[number], number>>;
  flags: Partial<Record<(typeof flags)[number], boolean>>;
  sinceTime?: string;
  stream?: string;
}

/** @throws StatusError 400 for what is no number or time */
export function parseLogOptions(query: URLSearchParams): LogOptions {
  const options: LogOptions = { container: query.get('container') ?? '', insecure: isSet(query, 'insecureSkipTLSVerifyBackend'), numbers: {}, flags: {} };
  for (const name of numbers) {
    const text = query.get(name);
    if (text === null) continue;
    if (!/^[+-]?\d+$/.test(text)) throw badRequestError(`strconv.ParseInt: parsing ${goQuote(text)}: invalid syntax`);
    options.numbers[name] = Number(text);
  }
  for (const name of flags) if (isSet(query, name)) options.flags[name] = true;
  const sinceTime = query.get('sinceTime');
  if (sinceTime) {
    if (Number.isNaN(Date.parse(sinceTime))) throw badRequestError(`parsing time ${goQuote(sinceTime)} as "2006-01-02T15:04:05Z07:00": cannot parse ${goQuote(sinceTime)} as "2006"`);
    options.sinceTime = sinceTime;
  }
  const stream = query.get('stream');
  if (stream) options.stream = stream;
  return options;
}

export function validateLogOptions({ numbers: n, sinceTime }: LogOptions): FieldError[] {
  const errors: FieldError[] = [];
  if (n.tailLines !== undefined && n.tailLines < 0) errors.push(invalid('tailLines', n.tailLines, 'must be greater than or equal to 0'));
  if (n.limitBytes !== undefined && n.limitBytes < 1) errors.push(invalid('limitBytes', n.limitBytes, 'must be greater than 0'));
  if (n.sinceSeconds !== undefined && sinceTime) errors.push(forbidden('[]', 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  else if (n.sinceSeconds !== undefined && n.sinceSeconds < 1) errors.push(invalid('sinceSeconds', n.sinceSeconds, 'must be greater than 0'));
  return errors;
}

function logPath({ namespace, name }: ConnectContext, container: string, options: LogOptions): string {
  const query = new URLSearchParams();
  for (const flag of flags) if (options.flags[flag]) query.append(flag, 'true');
  for (const number of numbers) if (options.numbers[number] !== undefined) query.append(number, String(options.numbers[number]));
  if (options.sinceTime) query.append('sinceTime', options.sinceTime);
  if (options.stream) query.append('stream', options.stream);
  return `/containerLogs/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}/${encodeURIComponent(container)}${query.size ? `?${query}` : ''}`;
}

function fetchLog(context: ConnectContext, kubelet: Target, path: string, tls: TlsMaterial): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // A connection of its own: a followed log may stay open for days.
    const request = requestHttps({ host: kubelet.host, port: kubelet.port, path, method: 'GET', agent: false, ...tls, signal: context.request.signal }, resolve);
    request.on('error', (error) => reject(context.request.signal.aborted ? error : plainError(`Get ${goQuote(`https://${hostPort(kubelet.host, kubelet.port)}${path}`)}: ${dialError(kubelet, error)}`, error)));
    request.end();
  });
}

/** What the kubelet says when it has no log, as upstream passes it on. */
async function refusal(response: IncomingMessage, pod: string): Promise<StatusError> {
  let text = '';
  for await (const piece of response) {
    text += String(piece);
    if (text.length > 50_000) break;
  }
  response.destroy();
  const code = response.statusCode ?? 500;
  if (code === 500) return internalError(text);
  if (code === 400) return badRequestError(text);
  const [reason, message] = answers[code] ?? (code > 500 ? ['InternalError', `an error on the server (${goQuote(text)}) has prevented the request from succeeding`] : ['Unknown', `the server responded with the status code ${code} but did not return more information`]);
  return new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: `${message || text} ( pods ${pod})`, reason, details: { name: pod, kind: 'pods' }, code });
}

/** Reasons and words by status; '' where the kubelet's own words stand. Facts: apimachinery's NewGenericServerResponse. */
const answers: Readonly<Record<number, readonly [reason: string, message: string]>> = {
  401: ['Unauthorized', 'the server has asked for the client to provide credentials'],
  403: ['Forbidden', ''],
  404: ['NotFound', 'the server could not find the requested resource'],
  405: ['MethodNotAllowed', 'the server does not allow this method on the requested resource'],
  409: ['Conflict', 'the server reported a conflict'],
  415: ['UnsupportedMediaType', ''],
  422: ['Invalid', 'the server rejected our request due to an error in our request'],
  429: ['TooManyRequests', 'the server has received too many requests and has asked us to try again later'],
  503: ['ServiceUnavailable', 'the server is currently unable to handle the request'],
  504: ['Timeout', 'the server was unable to return a response in the time allotted, but may still be processing the request'],
};

export const logHandler = (kubelets: Kubelets): ConnectHandler => ({
  plural: 'pods',
  subresource: 'log',
  methods: ['GET'],
  async connect(context): Promise<ApiResponse> {
    const { read, name, namespace } = context;
    const options = parseLogOptions(context.query);
    const errors = validateLogOptions(options);
    if (errors.length) throw invalidError({ group: '', kind: 'PodLogOptions' }, name, errors);
    const pod = await podNamed(read, name, namespace);
    const container = containerOf(pod, options.container);
    // A pod that is nowhere yet has no log, which is no error.
    if (!pod.spec?.nodeName) return { status: 204, headers: {} };
    const kubelet = await kubelets.locate(read, pod.spec.nodeName);
    const tls = await kubelets.tls();
    const response = await fetchLog(context, kubelet, logPath(context, container, options), options.insecure ? { ...tls, rejectUnauthorized: false } : tls);
    const status = response.statusCode ?? 500;
    if (status < 200 || status > 206) throw await refusal(response, name);
    return { status: 200, headers: { 'content-type': 'text/plain' }, body: response };
  },
});
