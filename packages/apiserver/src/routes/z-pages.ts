/** `/statusz` and `/flagz`: what runs here, and with which flags; as text, or as objects for who asks for their kind. @see https://kep.k8s.io/4827 https://kep.k8s.io/4828 */
import { type ApiRequest, type ApiResponse, notAcceptableError } from '@pilothouse/apimachinery';
import { type Clock, formatTime, type Random } from '@pilothouse/base';
import type { NonResourceRoute } from '../options.ts';
import { parseAccept, wantsPretty } from '../request/negotiate.ts';
import { textAnswer, valueAnswer } from '../request/respond.ts';
import { kubernetesVersion } from './version.ts';

/** The name under which the pages of upstream's API server stand. */
const component = 'apiserver';
const group = 'config.k8s.io';
/** Versions of the objects, and whether they warn that they are old. */
const versions: Readonly<Record<string, boolean>> = { v1beta1: false, v1alpha1: true };

/** The text is for people only: what separates names from values changes from answer to answer, so that nobody parses it. */
const delimiters = [':', ': ', '=', ' '];
const heading = (page: string): string => `\n${component} ${page}\nWarning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.\n`;

type Form = { format: 'text' } | { format: 'json' | 'yaml'; version: string; pretty: boolean };
const formatsOf: Readonly<Record<string, readonly ('json' | 'yaml' | 'text')[]>> = { 'application/json': ['json'], 'application/yaml': ['yaml'], 'application/*': ['json', 'yaml'], 'text/plain': ['text'], 'text/*': ['text'], '*/*': ['json', 'yaml', 'text'] };

/** Text is what needs no parameters; the others must name the kind. @throws StatusError 406 */
function formOf(accept: string, kind: string): Form {
  if (!accept.trim()) return { format: 'text' };
  for (const { type, params } of parseAccept(accept)) {
    const { as, g, v, stream, sv, pretty } = params;
    if (stream || sv) continue;
    const asked = as !== undefined || g !== undefined || v !== undefined;
    for (const format of formatsOf[type] ?? []) {
      if (format === 'text' && !asked) return { format };
      if (format !== 'text' && as === kind && g === group && v !== undefined && v in versions) return { format, version: v, pretty: pretty === '1' };
    }
  }
  throw notAcceptableError('only the following media types are accepted: application/json, application/yaml, text/plain');
}

interface Page {
  path: string;
  kind: string;
  text(): string;
  fields(): object;
}

const route = ({ path, kind, text, fields }: Page): NonResourceRoute => ({
  path,
  exact: true,
  methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  handle(request: ApiRequest, { query }): ApiResponse {
    const form = formOf(String(request.headers.accept ?? ''), kind);
    if (form.format === 'text') {
      const { headers, body } = textAnswer(text());
      return { status: 200, headers, body };
    }
    const { format, version } = form;
    const value = { kind, apiVersion: `${group}/${version}`, metadata: { name: component }, ...fields() };
    const { headers, body } = valueAnswer({ format, pretty: form.pretty || wantsPretty(request.headers, query) }, value);
    const warning = versions[version] && { warning: `299 - "This version of the ${path.slice(1)} endpoint is deprecated. Please use a newer version."` };
    return { status: 200, headers: { ...headers, 'content-type': `application/${format};g=${group};v=${version};as=${kind}`, ...warning }, body };
  },
});

export interface StatuszOptions {
  clock: Pick<Clock, 'now'>;
  random: Pick<Random, 'below'>;
  /** Milliseconds since the epoch. */
  startedMs: number;
  /** What runs the program; upstream's is a version of Go. */
  runtime: string;
  /** Every path that is listed at `/`. */
  paths: () => readonly string[];
}

/** Served for other reasons than to look into the server. */
const notForDebugging = new Set(['/apis', '/api', '/openid', '/openapi', '/.well-known', '/']);
const topOf = (path: string): string => `/${path.split('/')[1] ?? ''}`;

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** As `date` prints it, in UTC. */
function unixDate(ms: number): string {
  const at = new Date(ms);
  return `${days[at.getUTCDay()]} ${months[at.getUTCMonth()]} ${String(at.getUTCDate()).padStart(2)} ${at.toISOString().slice(11, 19)} UTC ${at.getUTCFullYear()}`;
}

export function statuszRoute({ clock, random, startedMs, runtime, paths }: StatuszOptions): NonResourceRoute {
  const binaryVersion = kubernetesVersion.gitVersion.slice(1);
  const emulationVersion = `${kubernetesVersion.major}.${kubernetesVersion.minor}`;
  const listed = (): string[] => [...new Set(paths().map(topOf))].filter((path) => !notForDebugging.has(path)).sort();
  const upSeconds = (): number => Math.max(0, Math.floor((clock.now() - startedMs) / 1_000));
  const two = (n: number): string => String(n).padStart(2, '0');
  return route({
    path: '/statusz',
    kind: 'Statusz',
    text() {
      const is = delimiters[random.below(delimiters.length)];
      const up = upSeconds();
      return `${heading('statusz')}\nStarted${is} ${unixDate(startedMs)}\nUp${is} ${Math.floor(up / 3600)} hr ${two(Math.floor(up / 60) % 60)} min ${two(up % 60)} sec\nGo version${is} ${runtime}\nBinary version${is} ${binaryVersion}\nEmulation version${is} ${emulationVersion}\nPaths${is} ${listed().join(' ')}\n`;
    },
    fields: () => ({ startTime: formatTime(startedMs), uptimeSeconds: upSeconds(), goVersion: runtime, binaryVersion, emulationVersion, paths: listed() }),
  });
}

/** `flags`: name without dashes → value as text. */
export function flagzRoute(random: Pick<Random, 'below'>, flags: Readonly<Record<string, string>>): NonResourceRoute {
  const sorted = Object.entries(flags).sort(([a], [b]) => (a < b ? -1 : 1));
  const is = delimiters[random.below(delimiters.length)];
  return route({
    path: '/flagz',
    kind: 'Flagz',
    text: () => `${heading('flagz')}${sorted.map(([name, value]) => `${name}${is}${value}\n`).join('')}`,
    fields: () => ({ ...(sorted.length && { flags: Object.fromEntries(sorted) }) }),
  });
}
