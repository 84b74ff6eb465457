/** What an autoscaler's metrics ask for, one by one and in all. */
import { messageOf } from '@pilothouse/base';
import type { CrossVersionObjectReference, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus } from '@pilothouse/api-schemas/types/autoscaling/v2';
import type { LabelSelector } from '@pilothouse/api-schemas/types/meta/v1';
import { formatQuantity, type LabelMatcher, matcherOf, milliQuantity, milliValue } from '@pilothouse/apimachinery';
import { labelSelectorText } from '../../label-selector-text.ts';
import type { MetricsSource } from './metrics.ts';
import { averageReplicas, perPodReplicas, resourceReplicas, type Situation, totalReplicas } from './replicas.ts';

/** A metric that could not be had. `cause` says why, as its event and condition do; the message goes into the summary. */
export class MetricError extends Error {
  override name = 'MetricError';
  /** Of the event and the condition ScalingActive: `FailedGetResourceMetric`. */
  readonly reason: string;
  constructor(reason: string, message: string, cause: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

export interface MetricContext {
  source: MetricsSource;
  situation: Situation;
  namespace: string;
  /** Selects the pods of the target. */
  selector: LabelMatcher;
  /** Replicas that the target says it has. */
  statusReplicas: number;
  /** `deployments.apps`, for an object that a metric is about. @throws where the kind is unknown */
  resourceOf(object: CrossVersionObjectReference): string;
}

export interface Proposal {
  replicas: number;
  /** What the metric is called in events. */
  metric: string;
  status: MetricStatus;
}

const amount = (milli: number): string => formatQuantity(milliQuantity(milli));
const amountOf = (resource: string, milli: number): string => formatQuantity(milliQuantity(milli, resource === 'memory' ? 'BinarySI' : 'DecimalSI'));
/** A metric may come without a selector, and then means all its series. */
const matcher = (selector: LabelSelector | undefined): LabelMatcher => matcherOf(selector);

/** Adds to what went wrong what it went wrong with. */
async function attempt<T>(work: () => Promise<T>, word: (text: string) => string): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Error(word(messageOf(error)), { cause: error });
  }
}

async function wrapped<T>(reason: string, work: () => Promise<T>, word: (text: string) => string): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new MetricError(reason, word(messageOf(error)), error);
  }
}

async function ofResource(name: string, target: MetricTarget, container: string | undefined, { source, situation, namespace, selector }: MetricContext): Promise<{ replicas: number; metric: string; current: MetricValueStatus }> {
  const metrics = () => attempt(() => source.resource(name, namespace, selector, container), (text) => `unable to get metrics for resource ${name}: ${text}`);
  if (target.averageValue !== undefined) {
    const { replicas, average } = await attempt(async () => averageReplicas(situation, await metrics(), milliValue(target.averageValue!), name), (text) => `failed to get ${name} usage: ${text}`);
    return { replicas, metric: `${name} resource`, current: { averageValue: amountOf(name, average) } };
  }
  if (target.averageUtilization === undefined) throw new Error('invalid resource metric source: neither an average utilization target nor an average value (usage) target was set');
  const { replicas, percent, average } = await attempt(async () => resourceReplicas(situation, await metrics(), name, target.averageUtilization!, container), (text) => `failed to get ${name} utilization: ${text}`);
  return { replicas, metric: `${name} ${container === undefined ? '' : 'container '}resource utilization (percentage of request)`, current: { averageUtilization: percent, averageValue: amountOf(name, average) } };
}

/** What one metric asks for. @throws MetricError */
export async function propose(spec: MetricSpec, context: MetricContext): Promise<Proposal> {
  const { source, situation, namespace, selector, statusReplicas } = context;
  switch (spec.type) {
    case 'Resource': {
      const { name, target } = spec.resource!;
      const { current, ...found } = await wrapped('FailedGetResourceMetric', () => ofResource(name, target, undefined, context), (text) => `failed to get ${name} resource metric value: ${text}`);
      return { ...found, status: { type: spec.type, resource: { name, current } } };
    }
    case 'ContainerResource': {
      const { name, container, target } = spec.containerResource!;
      const { current, ...found } = await wrapped('FailedGetContainerResourceMetric', () => ofResource(name, target, container, context), (text) => `failed to get ${container} container metric value: ${text}`);
      return { ...found, status: { type: spec.type, containerResource: { name, container, current } } };
    }
    case 'Pods': {
      const { metric, target } = spec.pods!;
      const work = async () => averageReplicas(situation, await attempt(() => source.pods(metric.name, namespace, selector, matcher(metric.selector)), (text) => `unable to get metric ${metric.name}: ${text}`), milliValue(target.averageValue!));
      const { replicas, average } = await wrapped('FailedGetPodsMetric', work, (text) => `failed to get pods metric value: ${text}`);
      return { replicas, metric: `pods metric ${metric.name}`, status: { type: spec.type, pods: { metric, current: { averageValue: amount(average) } } } };
    }
    case 'Object': {
      const { metric, target, describedObject } = spec.object!;
      const used = () => attempt(() => source.object(metric.name, namespace, { ...describedObject, resource: context.resourceOf(describedObject) }, matcher(metric.selector)), (text) => `unable to get metric ${metric.name}: ${describedObject.kind} on ${namespace} ${describedObject.name}/${text}`);
      const done = (replicas: number, name: string, current: MetricValueStatus): Proposal => ({ replicas, metric: name, status: { type: spec.type, object: { metric, describedObject, current } } });
      const outer = (text: string) => `failed to get object metric value: ${text}`;
      if (target.type === 'Value' && target.value !== undefined) {
        const { replicas, value } = await wrapped('FailedGetObjectMetric', async () => {
          const value = await used();
          return { value, replicas: totalReplicas(situation, value, milliValue(target.value!)) };
        }, outer);
        return done(replicas, `${describedObject.kind} metric ${metric.name}`, { value: amount(value) });
      }
      if (target.type === 'AverageValue' && target.averageValue !== undefined) {
        const { replicas, average } = await wrapped('FailedGetObjectMetric', async () => perPodReplicas(statusReplicas, await used(), milliValue(target.averageValue!), situation.tolerances), (text) => outer(`failed to get ${metric.name} object metric: ${text}`));
        return done(replicas, `external metric ${metric.name}(${labelSelectorText(metric.selector)})`, { averageValue: amount(average) });
      }
      const text = 'invalid object metric source: neither a value target nor an average value target was set';
      throw new MetricError('FailedGetObjectMetric', outer(text), new Error(text));
    }
    case 'External': {
      const { metric, target } = spec.external!;
      const name = `external metric ${metric.name}(${labelSelectorText(metric.selector)})`;
      const outer = (text: string) => `failed to get ${metric.name} external metric value: ${text}`;
      const used = () => attempt(async () => (await source.external(metric.name, namespace, matcher(metric.selector))).reduce((a, b) => a + b, 0), (text) => `unable to get external metric ${namespace}/${metric.name}/${labelSelectorText(metric.selector)}: ${text}`);
      const done = (replicas: number, current: MetricValueStatus): Proposal => ({ replicas, metric: name, status: { type: spec.type, external: { metric, current } } });
      if (target.averageValue !== undefined) {
        const { replicas, average } = await wrapped('FailedGetExternalMetric', async () => perPodReplicas(statusReplicas, await used(), milliValue(target.averageValue!), situation.tolerances), (text) => outer(`failed to get ${metric.name} external metric: ${text}`));
        return done(replicas, { averageValue: amount(average) });
      }
      if (target.value !== undefined) {
        const { replicas, value } = await wrapped('FailedGetExternalMetric', async () => {
          const value = await used();
          return { value, replicas: totalReplicas(situation, value, milliValue(target.value!)) };
        }, (text) => outer(`failed to get external metric ${metric.name}: ${text}`));
        return done(replicas, { value: amount(value) });
      }
      const text = 'invalid external metric source: neither a value target nor an average value target was set';
      throw new MetricError('FailedGetExternalMetric', outer(text), new Error(text));
    }
    default: {
      const text = `unknown metric source type ${JSON.stringify(spec.type)}`;
      throw new MetricError('InvalidMetricSourceType', text, new Error(text));
    }
  }
}

export interface Proposals {
  /** Of the metric that asks for most; undefined where none, or too few, could be had. */
  best?: Proposal;
  statuses: MetricStatus[];
  failures: MetricError[];
}

/** What all metrics ask for: the most that any does. With some unknown, only growth is believed. */
export async function proposeAll(specs: readonly MetricSpec[], context: MetricContext): Promise<Proposals> {
  const statuses: MetricStatus[] = [];
  const failures: MetricError[] = [];
  let best: Proposal | undefined;
  for (const spec of specs) {
    try {
      const proposal = await propose(spec, context);
      statuses.push(proposal.status);
      if (!best || best.replicas === 0 || proposal.replicas > best.replicas) best = proposal;
    } catch (error) {
      if (!(error instanceof MetricError)) throw error;
      failures.push(error);
      statuses.push({ type: '' });
    }
  }
  if (failures.length && (best?.replicas ?? 0) < context.situation.current) best = undefined;
  if (failures.length >= specs.length) best = undefined;
  return { best, statuses, failures };
}
