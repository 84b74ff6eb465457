/** A whole API server in this process, as `pilothouse apiserver` puts it together, over memory, that tells of its errors. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePki, type Pki } from '@pilothouse/apiserver/pki/index';
import { type Logger, type MetricsRegistry, realClock, realRuntime, Scope } from '@pilothouse/base';
import { startApiServer, type RunningApiServer } from '@pilothouse/cli/parts/api-server';
import { processMetrics } from '@pilothouse/cli/parts/process-metrics';
import { openMemoryStore, type Store } from '@pilothouse/storage';
import { things, thingsDefinition } from './custom.ts';
import { ask } from './request.ts';

export interface TargetServer extends RunningApiServer {
  pki: Pki;
  store: Store;
  metrics: MetricsRegistry;
  /** What it logged as errors since the last look. */
  errors(): string[];
  close(): Promise<void>;
}

export interface TargetOptions {
  maxRequestsInflight?: number;
  maxMutatingRequestsInflight?: number;
  store?: Store;
}

/** Starts it on a free port of loopback, with the namespaces that the cases use. */
export async function startTarget(options: TargetOptions = {}): Promise<TargetServer> {
  const dir = mkdtempSync(join(tmpdir(), 'pilothouse-faults-'));
  let errors: string[] = [];
  const log: Logger = {
    debug() {},
    info() {},
    warn() {},
    error: (message, fields) => void errors.push(`${message} ${describe(fields)}`),
    child: () => log,
  };
  const runtime = realRuntime(log);
  const scope = new Scope('faults');
  const pki = await ensurePki(dir, runtime, { hostName: 'localhost', addresses: ['127.0.0.1'], serviceAddress: '10.96.0.1' });
  const store = options.store ?? openMemoryStore(runtime, { historyMs: 20_000 });
  scope.own(store);
  const metrics = processMetrics(runtime);
  const running = await startApiServer(runtime, scope, { pki, store, bindAddresses: ['127.0.0.1'], securePort: 0, advertiseAddress: '127.0.0.1', serviceClusterIpRange: '10.96.0.0/16', authorizationMode: ['Node', 'RBAC'], metrics, ...(options.maxRequestsInflight !== undefined && { maxRequestsInflight: options.maxRequestsInflight }), ...(options.maxMutatingRequestsInflight !== undefined && { maxMutatingRequestsInflight: options.maxMutatingRequestsInflight }) });
  for (const name of ['fuzz', 'fuzz-2']) {
    await ask(running.server.handle, { method: 'POST', url: '/api/v1/namespaces', headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify({ metadata: { name } })) });
    await ask(running.server.handle, { method: 'POST', url: `/api/v1/namespaces/${name}/serviceaccounts`, headers: { 'content-type': 'application/json' }, body: Buffer.from('{"metadata":{"name":"default"}}') });
  }
  await ask(running.server.handle, { method: 'POST', url: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(thingsDefinition)) });
  for (let waited = 0; !running.server.registry.find(things.group, things.version, things.name) && waited < 10_000; waited += 20) await realClock.sleep(20);
  return {
    ...running,
    pki,
    store,
    metrics,
    errors() {
      const taken = errors;
      errors = [];
      return taken;
    },
    async close() {
      await scope.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function describe(fields: Record<string, unknown> | undefined): string {
  const { err, ...rest } = fields ?? {};
  const text = JSON.stringify(rest).slice(0, 200);
  return err instanceof Error ? `${text} ${(err.stack ?? String(err)).slice(0, 900)}${err.cause instanceof Error ? `\ncause: ${(err.cause.stack ?? '').slice(0, 900)}` : ''}` : text;
}
