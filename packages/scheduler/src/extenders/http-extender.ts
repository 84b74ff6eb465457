import type { Clock } from '@pilothouse/base/clock';
import { type ExtenderConfig, parseGoDuration } from '@pilothouse/scheduler-framework';
import type { Extender } from './extender.ts';
import { httpPost, type PostJson } from './post.ts';
import { bindingArgs, extenderArgs, field, preemptionArgs, textMap } from './wire.ts';

const defaultTimeoutMs = 5000;

/** An extender over HTTP as a KubeSchedulerConfiguration describes it. @throws Error for TLS files that cannot be read */
export function httpExtender(config: ExtenderConfig, clock: Clock, post: PostJson = httpPost(config)): Extender {
  const prefix = config.urlPrefix.replace(/\/+$/, '');
  const managed = new Set((config.managedResources ?? []).map((r) => r.name));
  const byName = config.nodeCacheCapable ?? false;
  const timeoutMs = (config.httpTimeout && parseGoDuration(config.httpTimeout)) || defaultTimeoutMs;
  const call = async (verb: string, body: unknown): Promise<unknown> => {
    const url = `${prefix}/${verb}`;
    const stop = new AbortController();
    const timer = clock.after(timeoutMs, () => stop.abort(new Error(`Post ${JSON.stringify(url)}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)`)));
    try {
      return await post(url, body, stop.signal);
    } finally {
      timer.cancel();
    }
  };
  const failOn = (answer: unknown) => {
    const error = field(answer, 'Error');
    if (error) throw new Error(String(error));
  };
  const uses = (list: Record<string, string> | undefined) => Object.keys(list ?? {}).some((name) => managed.has(name));
  return {
    name: config.urlPrefix,
    ignorable: config.ignorable ?? false,
    filters: Boolean(config.filterVerb),
    prioritizes: Boolean(config.prioritizeVerb),
    binds: Boolean(config.bindVerb),
    preempts: Boolean(config.preemptVerb),
    weight: config.weight ?? 0,
    isInterested: (pod) => !managed.size || [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].some((c) => uses(c.resources?.requests) || uses(c.resources?.limits)),
    async filter(pod, nodes) {
      const answer = await call(config.filterVerb!, extenderArgs(pod, nodes, byName));
      failOn(answer);
      const names = byName ? (field(answer, 'NodeNames') as string[] | null | undefined) : undefined;
      if (names) {
        const given = new Set(nodes.map((n) => n.metadata.name));
        const strange = names.find((name) => !given.has(name));
        if (strange !== undefined) throw new Error(`extender ${JSON.stringify(config.urlPrefix)} claims a filtered node ${JSON.stringify(strange)} which is not found in the input node list`);
      }
      const items = (field(field(answer, 'Nodes'), 'items') ?? []) as { metadata: { name: string } }[];
      return { nodes: names ?? items.map((n) => n.metadata.name), failed: textMap(answer, 'FailedNodes'), unresolvable: textMap(answer, 'FailedAndUnresolvableNodes') };
    },
    async prioritize(pod, nodes) {
      const answer = (await call(config.prioritizeVerb!, extenderArgs(pod, nodes, byName))) as unknown[] | null;
      return (answer ?? []).map((entry) => ({ host: String(field(entry, 'Host') ?? ''), score: Number(field(entry, 'Score') ?? 0) }));
    },
    async preempt(pod, candidates) {
      const byNode = new Map(candidates.map((c) => [c.node, c]));
      const answer = await call(config.preemptVerb!, preemptionArgs(pod, candidates, byName));
      return Object.entries((field(answer, 'NodeNameToMetaVictims') ?? {}) as object).map(([node, victims]) => {
        const candidate = byNode.get(node);
        if (!candidate) throw new Error(`nodeinfo not found for node name ${JSON.stringify(node)}`);
        const known = new Map(candidate.victims.map((v) => [v.uid, v]));
        const pods = ((field(victims, 'Pods') ?? []) as unknown[]).map((entry) => {
          const uid = String(field(entry, 'UID') ?? '');
          const victim = known.get(uid);
          if (!victim) throw new Error(`extender: ${config.urlPrefix} claims to preempt pod (UID: &{${uid}}) on node: ${node}, but the pod is not found on that node`);
          return victim;
        });
        return { node, victims: pods, pdbViolations: Number(field(victims, 'NumPDBViolations') ?? 0) };
      });
    },
    async bind(pod, node) {
      failOn(await call(config.bindVerb!, bindingArgs(pod, node)));
    },
  };
}
