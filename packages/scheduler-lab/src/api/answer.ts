/** Answers the requests for `lab.pilothouse.dev/v1` that were authenticated and authorized. */
import { type ApiRequest, type ApiResponse, badRequestError, invalidError, isNotFound, methodNotSupportedError, notFoundError, pods, priorityClasses } from '@pilothouse/apimachinery';
import type { Runtime } from '@pilothouse/base';
import type { Client } from '@pilothouse/client';
import type { Lab } from '../lab.ts';
import { review, ReviewError } from '../reviews/review.ts';
import { fullExplanation, renderTrace } from '../traces/render.ts';
import { readBody } from './body.ts';
import { createBreakpoint, updateBreakpoint } from './breakpoint-write.ts';
import { mergedBody } from './patch-body.ts';
import { commandCycle } from './cycle-command.ts';
import { list } from './list.ts';
import { representationOf } from './negotiate.ts';
import { representOne, type RepresentOptions } from './represent.ts';
import { type ResourceView, subjectOf } from './resource-view.ts';
import { selection } from './selection.ts';
import { type CycleCommand, labApiVersion, labGroup, type SchedulingBreakpoint, type SchedulingReview } from './types.ts';
import { breakpointView } from './views/breakpoints.ts';
import { heldCycleView } from './views/held-cycles.ts';
import { queuedPodView } from './views/queued-pods.ts';
import { traceView } from './views/traces.ts';
import { watch } from './watch.ts';

/** What of a request's path matters here; the API server's RequestInfo has it. */
export interface Asked {
  readonly verb: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly query: URLSearchParams;
}

export interface AnswerOptions {
  readonly lab: Lab;
  readonly runtime: Pick<Runtime, 'random'>;
  /** Looks up pods and priority classes. */
  readonly client: Client;
}

/** Returns the function that answers. @throws StatusError from it, to refuse */
export function labAnswers({ lab, runtime, client }: AnswerOptions): (request: ApiRequest, asked: Asked) => Promise<ApiResponse> {
  const { clock, versions, holding, traces } = lab;
  const views: Readonly<Record<string, ResourceView<any>>> = Object.fromEntries([traceView(lab), queuedPodView(lab), breakpointView(lab), heldCycleView(lab)].map((view) => [view.plural, view as ResourceView<any>]));

  const representing = (request: ApiRequest, query: URLSearchParams): RepresentOptions => ({ as: representationOf(request.headers.accept), nowMs: clock.now(), includeObject: query.get('includeObject') ?? 'Metadata' });

  async function priorities(): Promise<(name: string | undefined) => number | undefined> {
    const known = new Map([['system-node-critical', 2_000_001_000], ['system-cluster-critical', 2_000_000_000]]);
    let fallback: number | undefined;
    try {
      for (const one of (await client.list(priorityClasses)).items) {
        known.set(one.metadata.name!, one.value ?? 0);
        if (one.globalDefault) fallback = one.value;
      }
    } catch {
      // Without the right to list classes pods without a number have priority 0.
    }
    return (name) => (name ? known.get(name) : fallback);
  }

  async function findPod(namespace: string, name: string) {
    try {
      return await client.get(pods, name, { namespace });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  function getTrace(asked: Asked, options: RepresentOptions): object {
    const view = views.schedulingtraces;
    const key = `${asked.namespace}/${asked.name}`;
    const dash = asked.name.lastIndexOf('-');
    const numbered = dash > 0 ? traces.ofPod(`${asked.namespace}/${asked.name.slice(0, dash)}`).find((a) => a.name === asked.name) : undefined;
    const attempt = traces.latest(key) ?? numbered;
    if (!attempt) throw notFoundError(subjectOf('schedulingtraces'), asked.name);
    if (options.as !== 'object') return representOne(view, attempt, options);
    const explanation = fullExplanation(attempt, lab.world, lab.copies, { maxNodes: numberOf(asked.query, 'maxNodes', 100, 5000), allPlugins: asked.query.get('allPlugins') === 'true', monotonic: clock.monotonic });
    return renderTrace(attempt, lab.world, explanation);
  }

  function get(asked: Asked, options: RepresentOptions): object {
    if (asked.resource === 'schedulingtraces') return getTrace(asked, options);
    const view = views[asked.resource];
    const key = `${asked.namespace}/${asked.name}`;
    const held = asked.resource === 'heldcycles' ? holding.find(key) : undefined;
    if (held) return representOne(view, held, options, { object: held.render(numberOf(asked.query, 'maxNodes', 100, 5000)) });
    for (const value of view.all()) if (view.key(value) === key) return representOne(view, value, options);
    throw notFoundError(subjectOf(asked.resource), asked.name);
  }

  function watching(request: ApiRequest, asked: Asked, options: RepresentOptions): ApiResponse {
    const { query } = asked;
    if (asked.name) query.append('fieldSelector', `metadata.name=${asked.name}`);
    const holder = asked.resource === 'heldcycles' && options.as !== 'metadata';
    const answer = watch(views[asked.resource], asked.namespace, query, request, { ...options, clock, versions, onEnd: () => endHolding?.() });
    const endHolding = holder ? holding.watching() : undefined;
    return answer;
  }

  async function create(request: ApiRequest, asked: Asked): Promise<ApiResponse> {
    const { query, namespace, resource } = asked;
    const dryRun = query.getAll('dryRun').includes('All');
    if (!namespace) throw badRequestError('the server does not allow this method on the requested resource');
    if (resource === 'schedulingreviews') {
      const { object, warnings } = readBody<SchedulingReview>(request, 'SchedulingReview', query);
      try {
        const status = await review(object.spec ?? {}, namespace, { world: lab.world, copies: lab.copies, nowMs: clock.now, monotonic: clock.monotonic, findPod, priorityOf: await priorities(), pause: () => new Promise((resolve) => clock.soon(resolve)) });
        return json({ apiVersion: labApiVersion, kind: 'SchedulingReview', metadata: { ...object.metadata, namespace, creationTimestamp: null }, spec: object.spec, status }, 201, warnings);
      } catch (error) {
        if (error instanceof ReviewError) throw invalidError({ group: labGroup, kind: 'SchedulingReview' }, object.metadata.name ?? '', [...error.findings]);
        throw error;
      }
    }
    const { object, warnings } = readBody<SchedulingBreakpoint>(request, 'SchedulingBreakpoint', query);
    return json(createBreakpoint(lab, object, namespace, { uid: runtime.random.uuid(), suffix: runtime.random.suffix(5), dryRun }), 201, warnings);
  }

  async function command(request: ApiRequest, { query, namespace, name }: Asked): Promise<ApiResponse> {
    const { object, warnings } = readBody<CycleCommand>(request, 'CycleCommand', query);
    return json(commandCycle(lab, object, namespace, name, await priorities()), 201, warnings);
  }

  /** PUT, and PATCH as a JSON merge patch. */
  async function update(request: ApiRequest, asked: Asked): Promise<ApiResponse> {
    const { query, namespace, name, resource, verb } = asked;
    const old = holding.breakpoints.get(`${namespace}/${name}`);
    if (!old) throw notFoundError(subjectOf(resource), name);
    const { object, warnings } = readBody<SchedulingBreakpoint>(verb === 'patch' ? mergedBody(request, views[resource].render(old)) : request, 'SchedulingBreakpoint', query);
    return json(updateBreakpoint(lab, object, old, { dryRun: query.getAll('dryRun').includes('All') }), 200, warnings);
  }

  function remove(asked: Asked): object {
    const { resource, namespace, name } = asked;
    const gone = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details: { name, group: labGroup, kind: resource } };
    if (resource === 'heldcycles') {
      const cycle = holding.find(`${namespace}/${name}`);
      if (!cycle) throw notFoundError(subjectOf(resource), name);
      holding.release(cycle, 'abort');
    } else if (!holding.deleteBreakpoint(`${namespace}/${name}`)) throw notFoundError(subjectOf(resource), name);
    return gone;
  }

  function removeAll({ namespace, query }: Asked, options: RepresentOptions): object {
    const view = views.schedulingbreakpoints;
    const chosen = selection(view, namespace, query);
    const answer = list(view, namespace, query, versions, options);
    for (const value of [...view.all()]) if (chosen(value)) holding.deleteBreakpoint(view.key(value));
    return answer;
  }

  const handlers: Readonly<Record<string, (request: ApiRequest, asked: Asked) => ApiResponse | Promise<ApiResponse>>> = {
    get: (request, asked) => json(get(asked, representing(request, asked.query))),
    list: (request, asked) => json(list(views[asked.resource], asked.namespace, asked.query, versions, representing(request, asked.query))),
    watch: (request, asked) => watching(request, asked, representing(request, asked.query)),
    create,
    update,
    patch: update,
    delete: (_request, asked) => json(remove(asked)),
    deletecollection: (request, asked) => json(removeAll(asked, representing(request, asked.query))),
  };
  const allowed: Readonly<Record<string, readonly string[]>> = {
    schedulingtraces: ['get', 'list', 'watch'], queuedpods: ['get', 'list', 'watch'], schedulingreviews: ['create'],
    schedulingbreakpoints: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'], heldcycles: ['get', 'list', 'watch', 'delete'],
  };

  return async (request, asked) => {
    if (asked.subresource) {
      if (asked.resource !== 'heldcycles' || asked.subresource !== 'command') throw notFoundError(subjectOf(`${asked.resource}/${asked.subresource}`), asked.name);
      if (asked.verb !== 'create') throw methodNotSupportedError(subjectOf('heldcycles/command'), asked.verb);
      return command(request, asked);
    }
    if (!allowed[asked.resource]?.includes(asked.verb)) throw methodNotSupportedError(subjectOf(asked.resource), asked.verb);
    return handlers[asked.verb](request, asked);
  };
}

function numberOf(query: URLSearchParams, name: string, fallback: number, most: number): number {
  const text = query.get(name);
  if (text === null || text === '') return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > most) throw badRequestError(`${name}: Invalid value: ${JSON.stringify(text)}: must be between 0 and ${most}, inclusive`);
  return value;
}

const encoder = new TextEncoder();
const json = (value: object, status = 200, warnings: readonly string[] = []): ApiResponse => ({
  status,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-cache, private', ...(warnings.length && { warning: warnings.map((w) => `299 - ${JSON.stringify(w)}`) }) },
  body: encoder.encode(`${JSON.stringify(value)}\n`),
});
