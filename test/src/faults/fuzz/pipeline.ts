/** Fuzzing the API server's pipeline in this process: everything behind the sockets. */
import { realClock } from '@pilothouse/base';
import { dice, type Dice, type FaultContext, type FaultReport, type FaultSuite, type Finding } from '../suite.ts';
import { things } from './custom.ts';
import { keptFault } from './kept.ts';
import { type FuzzKind, pickKind, pickResource, type Target } from './kinds.ts';
import { collectionPath, namesFrom, objectOf, storedResources } from './objects.ts';
import { faultOf, prototypesChanged } from './oracle.ts';
import { type Answer, answerWithinMs, ask, type FuzzRequest, shown } from './request.ts';
import { shrink } from './shrink.ts';
import { jsonText } from './values.ts';
import { startTarget, type TargetServer } from './target.ts';
import { watchdog } from '../watchdog.ts';

const json = { 'content-type': 'application/json' };
/** After so many cases everything they stored is deleted, and memory is looked at. */
const cleanEvery = 400;
/** Findings with titles of their own that a run goes on after. */
const mostFindings = 25;

interface Outcome {
  answer: Answer | undefined;
  fault: string | undefined;
}

class Fuzzer {
  readonly server: TargetServer;
  readonly #findings = new Map<string, Finding>();
  readonly codes = new Map<number, number>();
  kept = 0;
  slowestMs = 0;

  constructor(server: TargetServer) {
    this.server = server;
  }

  get findings(): Finding[] {
    return [...this.#findings.values()];
  }

  send = (request: FuzzRequest, options?: { streamMs?: number }): Promise<Answer> => ask(this.server.server.handle, request, options);

  /** Sends one request and judges what comes. */
  async judge(request: FuzzRequest, target: Target): Promise<Outcome> {
    this.server.errors();
    let answer: Answer;
    try {
      answer = await this.send(request, { streamMs: 10 });
    } catch (error) {
      return { answer: undefined, fault: `${(error as Error).name}: ${(error as Error).message}`.replace(/\d+/g, 'N') };
    }
    const fault = faultOf(request, answer) ?? (prototypesChanged() ? 'prototypes of JavaScript objects were changed' : undefined) ?? (await this.#kept(request, answer, target));
    const [logged] = this.server.errors();
    return { answer, fault: fault ?? (logged && `logs an error: ${logged.split('\n')[0].replace(/\d+/g, 'N').slice(0, 160)}`) };
  }

  async #kept(request: FuzzRequest, answer: Answer, { resource, namespace }: Target): Promise<string | undefined> {
    if (answer.status >= 300 || !['POST', 'PUT', 'PATCH'].includes(request.method) || /[?&]dryRun=All/.test(request.url)) return undefined;
    const collection = collectionPath(resource, namespace);
    if (!request.url.startsWith(collection)) return undefined;
    let name: string | undefined = decodeURIComponent(request.url.slice(collection.length).split('?')[0]).split('/')[1];
    if (!name) {
      try {
        name = (JSON.parse(answer.body.toString()) as { metadata?: { name?: string } }).metadata?.name;
      } catch {
        return undefined;
      }
    }
    if (!name) return undefined;
    this.kept++;
    return keptFault(this.send, { collection, name, protobuf: resource !== things });
  }

  /** Makes the case with this number and runs it; shows its request first where there is a `log`. */
  async runCase(seed: string, number: number, log?: (text: string) => void): Promise<void> {
    const throws = dice(`${seed}/${number}`);
    const kind = pickKind(throws);
    const { target, request } = await this.#make(kind, throws);
    log?.(`${kind.name}\n${JSON.stringify(target.object).slice(0, 1_500)}\n${shown(request)}`);
    const outcome = await this.judge(request, target);
    if (outcome.answer) {
      this.codes.set(outcome.answer.status, (this.codes.get(outcome.answer.status) ?? 0) + 1);
      this.slowestMs = Math.max(this.slowestMs, outcome.answer.ms);
    }
    if (!outcome.fault) return;
    const title = outcome.fault;
    if (this.#findings.has(title)) return;
    this.#findings.set(title, { title, detail: '' });
    const detail = await this.#explain(target, request, outcome.fault);
    this.#findings.set(title, { title, detail: `case ${number} of seed ${seed}: ${kind.name}\n${detail}` });
  }

  async #make(kind: FuzzKind, throws: Dice): Promise<{ target: Target; request: FuzzRequest }> {
    const resource = pickResource(throws);
    const namespace = throws.once(4) ? 'fuzz-2' : 'fuzz';
    const name = namesFrom(throws);
    let target: Target = { resource, namespace, name, object: {} };
    if (kind.onStored) {
      const seedObject = objectOf(resource, throws, namespace, name);
      const stored = await this.#store(target, seedObject);
      target = { ...target, name: stored.metadata.name, object: stored };
    }
    return { target, request: kind.make(throws, target) };
  }

  /** Stores an object for a case to be about; the seed alone where what was made up is refused. */
  async #store(target: Target, object: Record<string, any>): Promise<Record<string, any>> {
    const { resource, namespace, name } = target;
    const url = collectionPath(resource, namespace);
    for (const body of [object, objectOf(resource, { ...dice('plain'), once: (n: number) => n === 2 } as Dice, namespace, name)]) {
      const answer = await this.send({ method: 'POST', url, headers: json, body: Buffer.from(jsonText(body)) });
      if (answer.status === 201) return JSON.parse(answer.body.toString()) as Record<string, any>;
      const found = await this.send({ method: 'GET', url: `${url}/${encodeURIComponent(body.metadata.name)}`, headers: {} });
      if (found.status === 200) return JSON.parse(found.body.toString()) as Record<string, any>;
    }
    return object;
  }

  /** Shrinks the request and shows it with its answer. */
  async #explain(target: Target, request: FuzzRequest, fault: string): Promise<string> {
    const again = async (smaller: FuzzRequest): Promise<boolean> => {
      if (target.object.kind) await this.#store(target, bare(target.object));
      return (await this.judge(smaller, target)).fault === fault;
    };
    const small = fault.startsWith('Hang') ? request : await shrink(request, again);
    if (target.object.kind) await this.#store(target, bare(target.object));
    this.server.errors();
    const { answer } = await this.judge(small, target).catch(() => ({ answer: undefined }));
    const again2 = await this.send(small, { streamMs: 10 }).catch(() => undefined);
    return `${target.object.kind ? `stored: ${JSON.stringify(target.object).slice(0, 700)}\n` : ''}${shown(small)}\n→ ${answer?.status} ${answer?.body.toString().slice(0, 700)}\n${again2 ? '' : '(no answer)'}${this.server.errors().slice(0, 2).join('\n')}`;
  }

  /** Deletes what the cases stored. */
  async clean(): Promise<void> {
    for (const resource of storedResources) {
      if (!resource.verbs.includes('deletecollection')) continue;
      for (const namespace of resource.namespaced ? ['fuzz', 'fuzz-2'] : ['']) {
        const url = collectionPath(resource, namespace);
        const list = await this.send({ method: 'GET', url: `${url}?labelSelector=${encodeURIComponent(resource.namespaced ? '' : 'f')}`, headers: {} });
        if (list.status !== 200) continue;
        for (const { metadata } of (JSON.parse(list.body.toString()) as { items: { metadata: { name: string; finalizers?: string[] } }[] }).items) {
          if (resource.name === 'serviceaccounts' && metadata.name === 'default') continue;
          const item = `${url}/${encodeURIComponent(metadata.name)}`;
          await this.send({ method: 'DELETE', url: `${item}?gracePeriodSeconds=0&propagationPolicy=Background`, headers: {} });
          if (metadata.finalizers?.length || resource.name === 'persistentvolumes' || resource.name === 'persistentvolumeclaims') await this.send({ method: 'PATCH', url: item, headers: { 'content-type': 'application/merge-patch+json' }, body: Buffer.from('{"metadata":{"finalizers":null}}') });
        }
      }
    }
  }
}

const bare = ({ metadata, ...object }: Record<string, any>): Record<string, any> => {
  const { uid: _, resourceVersion: __, creationTimestamp: ___, managedFields: ____, generation: _____, ...rest } = metadata;
  return { ...object, metadata: rest };
};

const megabytes = (bytes: number): number => Math.round(bytes / 1024 / 1024);

/** Live heap, after a collection where the process allows one. */
function heapUsed(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage().heapUsed;
}

async function run({ seed, forMs, only, log }: FaultContext): Promise<FaultReport> {
  const server = await startTarget();
  const fuzzer = new Fuzzer(server);
  const guard = watchdog(`fuzz of seed ${seed}`, 2 * answerWithinMs);
  const start = realClock.monotonic();
  let tried = 0;
  let first: number | undefined;
  let last = 0;
  const strays: Finding[] = [];
  const onStray = (error: unknown): void => void strays.push({ title: `an error that nobody caught: ${String(error).slice(0, 100)}`, detail: String((error as Error)?.stack ?? error) });
  process.on('unhandledRejection', onStray);
  process.on('uncaughtException', onStray);
  try {
    if (only !== undefined) {
      guard.begin(only);
      await fuzzer.runCase(seed, only, log);
      tried = 1;
    } else {
      while (realClock.monotonic() - start < forMs && fuzzer.findings.length < mostFindings) {
        guard.begin(tried);
        await fuzzer.runCase(seed, tried++);
        if (tried % cleanEvery) continue;
        await fuzzer.clean();
        last = heapUsed();
        first ??= last;
        log(`  ${tried} cases, ${fuzzer.kept} stored, ${megabytes(last)} MB`);
      }
    }
  } finally {
    await guard.close();
    await server.close();
    process.off('unhandledRejection', onStray);
    process.off('uncaughtException', onStray);
  }
  const codes = [...fuzzer.codes].sort(([a], [b]) => a - b).map(([code, count]) => `${code}: ${count}`).join(', ');
  return { tried, findings: [...fuzzer.findings, ...strays], notes: [`answers ${codes}; ${fuzzer.kept} stored objects read, listed, watched and put back in every form; slowest answer ${Math.round(fuzzer.slowestMs)} ms${first === undefined ? '' : `; heap ${megabytes(first)} MB after the first ${cleanEvery} cases, ${megabytes(last)} MB at the end`}`] };
}

export const pipelineFuzz: FaultSuite = { name: 'fuzz', run };
