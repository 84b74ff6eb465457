/** Measures nodes and pods through their kubelets and tells it as `metrics.k8s.io`: for `kubectl top` and autoscalers. */
import { nodes, pods } from '@pilothouse/apimachinery';
import { messageOf, type Runtime, Scope } from '@pilothouse/base';
import type { InformerFactory } from '@pilothouse/client';
import { type Asked, asTable, metricsAnswer } from './api.ts';
import { createScraper, type KubeletAccess } from './scrape.ts';
import { createUsageStore } from './usage-store.ts';

export { type Asked, group, resources, version } from './api.ts';
export { publishMetricsApi, servingName, withdrawMetricsApi } from './publish.ts';
export type { KubeletAccess } from './scrape.ts';

export interface MetricsServerOptions {
  runtime: Runtime;
  /** Nodes and pods are read through it; may be shared with other daemons of the process. */
  informers: InformerFactory;
  kubelets: KubeletAccess;
  /** How often kubelets are asked; default 15 s. */
  resolutionMs?: number;
}

export interface MetricsServer {
  /** `table`: as a Table, for `kubectl get`. @throws StatusError */
  answer(asked: Asked, options?: { table?: boolean }): object;
  /** Asks all kubelets now. */
  measure(): Promise<void>;
  close(): Promise<void>;
}

/** Resolves when nodes and pods are known; measuring goes on from there. */
export async function startMetricsServer({ runtime, informers, kubelets, resolutionMs = 15_000 }: MetricsServerOptions): Promise<MetricsServer> {
  const { clock, log } = runtime;
  const scope = new Scope('metrics-server');
  const stop = new AbortController();
  const [nodeInformer, podInformer] = [informers.informer(nodes), informers.informer(pods)];
  informers.start();
  const store = createUsageStore(resolutionMs);
  const scraper = scope.own(createScraper(runtime, kubelets));
  let under: Promise<void> | undefined;
  const measure = (): Promise<void> =>
    (under ??= scraper
      .round(nodeInformer.lister.list(), stop.signal)
      .then((round) => {
        if (!stop.signal.aborted) store.add(round);
      })
      .catch((error: unknown) => log.error('Measuring failed', { err: messageOf(error) }))
      .finally(() => (under = undefined)));
  scope.defer(async () => {
    stop.abort(new Error('the metrics server is stopping'));
    await under;
  });
  await Promise.all([nodeInformer.whenSynced(stop.signal), podInformer.whenSynced(stop.signal)]);
  const timer = clock.every(resolutionMs, () => void measure());
  scope.defer(() => timer.cancel());
  void measure();
  return {
    answer(asked, options = {}) {
      const answer = metricsAnswer(asked, {
        store, nowMs: clock.now(),
        node: (name) => nodeInformer.lister.get(name),
        nodes: () => nodeInformer.lister.list(),
        pod: (namespace, name) => podInformer.lister.get(`${namespace}/${name}`),
        pods: (namespace) => (namespace ? podInformer.lister.inNamespace(namespace) : podInformer.lister.list()),
      });
      return options.table ? asTable(answer) : answer;
    },
    measure,
    close: () => scope.close(),
  };
}
