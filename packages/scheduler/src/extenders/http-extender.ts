import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { Clock } from '@pilothouse/base/clock';
import type { ExtenderConfig } from '@pilothouse/scheduler-framework';
import type { Extender } from './extender.ts';

/** Sends a body to an address and resolves with the decoded answer. Rejects unless the status is 200, or when the signal aborts. */
export type PostJson = (url: string, body: unknown, signal: AbortSignal) => Promise<unknown>;

const defaultTimeoutMs = 5000;

const fetchJson: PostJson = async (url, body, signal) => {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), signal });
  if (response.status !== 200) throw new Error(`failed ${url.split('/').at(-1)} with extender at URL ${url.slice(0, url.lastIndexOf('/'))}, code ${response.status}`);
  return response.json();
};

interface FilterResult {
  nodes?: { items?: Node[] };
  nodenames?: string[];
  failedNodes?: Record<string, string>;
  failedAndUnresolvableNodes?: Record<string, string>;
  error?: string;
}

/** An extender over HTTP as a KubeSchedulerConfiguration describes it. @throws Error where TLS files are asked for, which need `post`. */
export function httpExtender(config: ExtenderConfig, clock: Clock, post?: PostJson): Extender {
  const prefix = config.urlPrefix.replace(/\/$/, '');
  const managed = new Set((config.managedResources ?? []).map((r) => r.name));
  if (!post && config.tlsConfig && Object.keys(config.tlsConfig).length) throw new Error(`extender ${prefix}: tlsConfig is not supported by this scheduler's own HTTP client`);
  const send = post ?? fetchJson;
  const call = async (verb: string, body: unknown): Promise<any> => {
    const stop = new AbortController();
    const timer = clock.after(durationMs(config.httpTimeout) ?? defaultTimeoutMs, () => stop.abort(new Error(`context deadline exceeded calling ${prefix}/${verb}`)));
    try {
      return await send(`${prefix}/${verb}`, body, stop.signal);
    } finally {
      timer.cancel();
    }
  };
  const args = (pod: Pod, nodes: readonly Node[]) => (config.nodeCacheCapable ? { pod, nodenames: nodes.map((n) => n.metadata.name) } : { pod, nodes: { metadata: {}, items: nodes } });
  const uses = (list: Record<string, string> | undefined) => Object.keys(list ?? {}).some((name) => managed.has(name));
  return {
    name: prefix,
    ignorable: config.ignorable ?? false,
    filters: Boolean(config.filterVerb),
    prioritizes: Boolean(config.prioritizeVerb),
    binds: Boolean(config.bindVerb),
    preempts: Boolean(config.preemptVerb),
    weight: config.weight ?? 0,
    isInterested: (pod) => !managed.size || [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].some((c) => uses(c.resources?.requests) || uses(c.resources?.limits)),
    async filter(pod, nodes) {
      const result: FilterResult = await call(config.filterVerb!, args(pod, nodes));
      if (result.error) throw new Error(result.error);
      const names = config.nodeCacheCapable && result.nodenames ? result.nodenames : (result.nodes?.items ?? []).map((n) => n.metadata.name!);
      return { nodes: names, failed: result.failedNodes ?? {}, unresolvable: result.failedAndUnresolvableNodes ?? {} };
    },
    async prioritize(pod, nodes) {
      const list: { host: string; score: number }[] = await call(config.prioritizeVerb!, args(pod, nodes));
      return list ?? [];
    },
    async preempt(pod, candidates) {
      const byNode = new Map(candidates.map((c) => [c.node, c]));
      const meta = Object.fromEntries(candidates.map((c) => [c.node, { pods: c.victims.map((v) => ({ uid: v.uid })), numPDBViolations: c.pdbViolations }]));
      const full = Object.fromEntries(candidates.map((c) => [c.node, { pods: c.victims.map((v) => v.pod), numPDBViolations: c.pdbViolations }]));
      const result: { nodeNameToMetaVictims?: Record<string, { pods?: { uid: string }[]; numPDBViolations?: number }> } = await call(config.preemptVerb!, config.nodeCacheCapable ? { pod, nodeNameToMetaVictims: meta } : { pod, nodeNameToVictims: full });
      return Object.entries(result.nodeNameToMetaVictims ?? {}).flatMap(([node, answer]) => {
        const candidate = byNode.get(node);
        if (!candidate) return [];
        const wanted = new Set((answer.pods ?? []).map((p) => p.uid));
        return [{ node, victims: candidate.victims.filter((v) => wanted.has(v.uid)), pdbViolations: answer.numPDBViolations ?? 0 }];
      });
    },
    async bind(pod, node) {
      const { name, namespace, uid } = pod.metadata;
      const result = await call(config.bindVerb!, { podName: name, podNamespace: namespace, podUID: uid, node });
      if (result.error) throw new Error(result.error);
    },
  };
}

const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** `1m30s` in milliseconds; undefined where there is none. */
export function durationMs(text: string | undefined): number | undefined {
  if (!text) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9.]+)(ms|h|m|s)/g)) total += Number(amount) * units[unit];
  return total;
}
