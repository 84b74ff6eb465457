import { formatTime, messageOf } from '@pilothouse/base';
import type { Scale } from '@pilothouse/api-schemas/types/autoscaling/v1';
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition, HorizontalPodAutoscalerStatus, MetricStatus } from '@pilothouse/api-schemas/types/autoscaling/v2';
import { groupResource, horizontalPodAutoscalers, isConflict, keyOf, type KubeObject, type LabelMatcher, parseApiVersion, parseLabelSelector, pods, quantityToNumber, type ResourceType } from '@pilothouse/apimachinery';
import { clone, referenceTo, retryOnConflict } from '@pilothouse/client';
import { type ControllerContext, defineController, done, durationFlagMs, readOnly, requeueAfter, semanticallyEqual } from '@pilothouse/controller-runtime';
import { crdType, resourceCatalog } from '../../resource-catalog.ts';
import { getScale } from '../../scale-target.ts';
import { type History, normalize, normalizeWithBehavior, noteScaling } from './behavior.ts';
import { proposeAll } from './compute.ts';
import { metricsOf } from './metrics.ts';
import type { Tolerances } from './replicas.ts';

interface State {
  history: Map<string, History>;
  /** What each autoscaler's target selects, to find those that pull at the same pods. */
  selectors: Map<string, LabelMatcher>;
}

const periodMs = (context: ControllerContext) => durationFlagMs(context, 'horizontal-pod-autoscaler-sync-period', 15_000);
const downWindowMs = (context: ControllerContext) => durationFlagMs(context, 'horizontal-pod-autoscaler-downscale-stabilization', 300_000);

/** Scales workloads by what is measured of them. @see https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/ */
export const horizontalPodAutoscalerController = defineController<State>({
  name: 'horizontal-pod-autoscaler-controller',
  aliases: ['horizontalpodautoscaling'],
  serviceAccount: 'horizontal-pod-autoscaler',
  eventSource: 'horizontal-pod-autoscaler',
  watches: [
    {
      type: horizontalPodAutoscalers,
      keys(hpa, { deleted }, context) {
        if (deleted) return [keyOf(hpa)];
        // Measurements come by the clock, so that is what it goes by.
        context.enqueueAfter(keyOf(hpa), periodMs(context));
        return [];
      },
    },
    readOnly(pods),
    readOnly(crdType),
  ],
  start: () => ({ history: new Map(), selectors: new Map() }),
  async reconcile(key, context, state) {
    const hpa = context.lister(horizontalPodAutoscalers).get(key);
    if (!hpa) {
      state.history.delete(key);
      state.selectors.delete(key);
      return done;
    }
    try {
      await new Autoscaling(hpa, key, context, state).run();
    } catch (error) {
      // Tried again like everything else here: when the period is over.
      if (!context.signal.aborted && !isConflict(error)) context.log.warn('Could not reconcile an autoscaler', { autoscaler: key, reason: messageOf(error) });
    }
    return requeueAfter(periodMs(context));
  },
});

class Autoscaling {
  readonly #original: HorizontalPodAutoscaler;
  readonly #key: string;
  readonly #context: ControllerContext;
  readonly #state: State;
  #status: HorizontalPodAutoscalerStatus;

  constructor(hpa: HorizontalPodAutoscaler, key: string, context: ControllerContext, state: State) {
    this.#original = hpa;
    this.#key = key;
    this.#context = context;
    this.#state = state;
    this.#status = clone(hpa.status ?? { desiredReplicas: 0 });
  }

  async run(): Promise<void> {
    const { spec, metadata } = this.#original;
    const { client, clock, signal } = this.#context;
    const { kind, name, apiVersion = '' } = spec.scaleTargetRef;
    let type: ResourceType<any>;
    let scale: Scale;
    try {
      type = this.#resource(apiVersion, kind);
      scale = await getScale(client, type, name, { namespace: metadata.namespace, signal });
    } catch (error) {
      if (signal.aborted) throw error;
      this.#event('Warning', 'FailedGetScale', messageOf(error));
      this.#condition('AbleToScale', 'False', 'FailedGetScale', `the HPA controller was unable to get the target's current scale: ${messageOf(error)}`);
      await this.#write();
      throw error;
    }
    this.#condition('AbleToScale', 'True', 'SucceededGetScale', "the HPA controller was able to get the target's current scale");
    const current = scale.spec?.replicas ?? 0;
    const history = this.#history(current);
    const min = spec.minReplicas ?? 1;
    let desired = 0;
    let reason = '';
    let metrics: MetricStatus[] | undefined;
    let failure: Error | undefined;
    if (current === 0) {
      this.#condition('ScalingActive', 'False', 'ScalingDisabled', 'scaling is disabled since the replica count of the target is zero');
    } else if (current > spec.maxReplicas) {
      desired = spec.maxReplicas;
      reason = 'Current number of replicas above Spec.MaxReplicas';
    } else if (current < min) {
      desired = min;
      reason = 'Current number of replicas below Spec.MinReplicas';
    } else {
      const measured = await this.#measure(scale, current);
      metrics = measured.statuses;
      failure = measured.failure;
      if (measured.replicas === undefined) {
        this.#counts(current, this.#status.desiredReplicas, metrics);
        await this.#write();
        this.#event('Warning', 'FailedComputeMetricsReplicas', messageOf(failure));
        throw failure;
      }
      if (measured.replicas > current) reason = `${measured.metric} above target`;
      else if (measured.replicas < current) reason = 'All metrics below target';
      const bounds = { current, desired: measured.replicas, min, max: spec.maxReplicas, nowMs: clock.now() };
      const window = downWindowMs(this.#context);
      const { replicas, stabilized, limited } = spec.behavior ? normalizeWithBehavior(history, spec.behavior, bounds, window) : normalize(history, bounds, window);
      this.#condition('AbleToScale', 'True', stabilized.reason, stabilized.message);
      this.#condition('ScalingLimited', limited.status, limited.reason, limited.message);
      desired = replicas;
    }
    const rescale = current !== 0 && desired !== current;
    if (rescale) await this.#rescale(type, scale, { from: current, to: desired, reason }, history, metrics);
    this.#counts(current, rescale ? desired : current, metrics);
    if (rescale) this.#status.lastScaleTime = formatTime(clock.now());
    await this.#write();
    if (failure) throw failure;
  }

  #resource(apiVersion: string, kind: string): ResourceType<any> {
    if (apiVersion.split('/').length > 2) throw new Error(`unexpected GroupVersion string: ${apiVersion}`);
    const { group } = parseApiVersion(apiVersion);
    const entry = resourceCatalog(this.#context.lister(crdType)).entries().find(({ type }) => type.group === group && type.kind === kind);
    if (!entry) throw new Error(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`);
    return entry.type;
  }

  #history(current: number): History {
    const known = this.#state.history.get(this.#key);
    if (known) return known;
    const fresh: History = { recommendations: [{ replicas: current, atMs: this.#context.clock.now() }], ups: [], downs: [] };
    this.#state.history.set(this.#key, fresh);
    return fresh;
  }

  /** What the metrics ask for. `replicas` undefined: it cannot be said, `failure` tells why. */
  async #measure(scale: Scale, current: number): Promise<{ replicas?: number; metric?: string; statuses?: MetricStatus[]; failure?: Error }> {
    const { client, clock, lister, signal } = this.#context;
    const { spec, metadata } = this.#original;
    const namespace = metadata.namespace!;
    let selector: LabelMatcher;
    try {
      selector = this.#selector(scale.status?.selector ?? '');
    } catch (error) {
      return { failure: error as Error };
    }
    const selected = lister(pods).inNamespace(namespace).filter((pod) => selector.matches(pod.metadata.labels));
    const { best, statuses, failures } = await proposeAll(spec.metrics ?? [], {
      source: metricsOf(client, signal),
      namespace, selector,
      statusReplicas: scale.status?.replicas ?? 0,
      resourceOf: (object) => groupResource(this.#resource(object.apiVersion ?? '', object.kind)),
      situation: {
        current, pods: selected, nowMs: clock.now(), tolerances: this.#tolerances(),
        initializationMs: durationFlagMs(this.#context, 'horizontal-pod-autoscaler-cpu-initialization-period', 300_000),
        initialReadinessMs: durationFlagMs(this.#context, 'horizontal-pod-autoscaler-initial-readiness-delay', 30_000),
      },
    });
    signal.throwIfAborted();
    for (const failed of failures) this.#event('Warning', failed.reason, messageOf(failed.cause));
    const failure = failures.length ? new Error(`invalid metrics (${failures.length} invalid out of ${spec.metrics!.length}), first error is: ${failures[0].message}`) : undefined;
    if (!best) {
      if (failures.length) this.#condition('ScalingActive', 'False', failures[0].reason, `the HPA was unable to compute the replica count: ${messageOf(failures[0].cause)}`);
      return { statuses, failure: failure ?? new Error('there are no metrics to scale by') };
    }
    this.#condition('ScalingActive', 'True', 'ValidMetricFound', `the HPA was able to successfully calculate a replica count from ${best.metric}`);
    return { replicas: best.replicas, metric: best.metric, statuses, failure };
  }

  /** @throws where the target does not say what its pods are, or another autoscaler has hold of them */
  #selector(text: string): LabelMatcher {
    const refuse = (event: string, message: string, condition = { reason: event, message }): never => {
      this.#event('Warning', event, message);
      this.#condition('ScalingActive', 'False', condition.reason, condition.message);
      throw new Error(message);
    };
    if (!text) return refuse('SelectorRequired', 'selector is required', { reason: 'InvalidSelector', message: "the HPA target's scale is missing a selector" });
    let selector: LabelMatcher;
    try {
      selector = parseLabelSelector(text);
    } catch (error) {
      return refuse('InvalidSelector', `couldn't convert selector into a corresponding internal selector object: ${messageOf(error)}`);
    }
    const { selectors } = this.#state;
    selectors.set(this.#key, selector);
    const { namespace } = this.#original.metadata;
    const selected = this.#context.lister(pods).inNamespace(namespace!).filter((pod) => selector.matches(pod.metadata.labels));
    const rivals = [...selectors].filter(([key, other]) => key.startsWith(`${namespace}/`) && selected.some((pod) => other.matches(pod.metadata.labels))).map(([key]) => key.slice(namespace!.length + 1)).sort();
    if (rivals.length > 1) refuse('AmbiguousSelector', `pods by selector ${text} are controlled by multiple HPAs: [${rivals.map((name) => `{${name} ${namespace}}`).join(' ')}]`);
    return selector;
  }

  #tolerances(): Tolerances {
    const { behavior } = this.#original.spec;
    const common = Number(this.#context.flags['horizontal-pod-autoscaler-tolerance'] ?? 0.1);
    const own = (tolerance: string | undefined) => (tolerance === undefined ? common : quantityToNumber(tolerance));
    return { scaleDown: own(behavior?.scaleDown?.tolerance), scaleUp: own(behavior?.scaleUp?.tolerance) };
  }

  async #rescale(type: ResourceType<any>, scale: Scale, change: { from: number; to: number; reason: string }, history: History, metrics: MetricStatus[] | undefined): Promise<void> {
    const { client, clock, signal } = this.#context;
    const { name, namespace } = scale.metadata!;
    const { from, to, reason } = change;
    let latest = scale;
    try {
      await retryOnConflict(clock, async () => {
        try {
          await client.update(type, { ...latest, apiVersion: 'autoscaling/v1', kind: 'Scale', spec: { ...latest.spec, replicas: to } } as KubeObject, { subresource: 'scale', signal });
        } catch (error) {
          if (isConflict(error)) latest = await getScale(client, type, name!, { namespace, signal });
          throw error;
        }
      });
    } catch (error) {
      if (signal.aborted) throw error;
      this.#event('Warning', 'FailedRescale', `New size: ${to}; reason: ${reason}; error: ${messageOf(error)}`);
      this.#condition('AbleToScale', 'False', 'FailedUpdateScale', `the HPA controller was unable to update the target scale: ${messageOf(error)}`);
      this.#counts(from, this.#status.desiredReplicas, metrics);
      await this.#write();
      throw error;
    }
    this.#condition('AbleToScale', 'True', 'SucceededRescale', `the HPA controller was able to update the target scale to ${to}`);
    this.#event('Normal', 'SuccessfulRescale', `New size: ${to}; reason: ${reason}`);
    noteScaling(history, this.#original.spec.behavior, { from, to, nowMs: clock.now() });
  }

  #counts(currentReplicas: number, desiredReplicas: number, currentMetrics: MetricStatus[] | undefined): void {
    const { lastScaleTime, conditions } = this.#status;
    this.#status = { ...(lastScaleTime && { lastScaleTime }), currentReplicas, desiredReplicas, ...(currentMetrics && { currentMetrics }), ...(conditions && { conditions }) };
  }

  #condition(type: string, status: 'True' | 'False', reason: string, message: string): void {
    const conditions: HorizontalPodAutoscalerCondition[] = (this.#status.conditions ??= []);
    const old = conditions.find((c) => c.type === type);
    const changed = old?.status !== status && { lastTransitionTime: formatTime(this.#context.clock.now()) };
    if (old) Object.assign(old, { status, reason, message }, changed);
    else conditions.push({ type, status, ...(changed as object), reason, message });
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#context.recorder.event(referenceTo(horizontalPodAutoscalers, this.#original), type, reason, message);
  }

  async #write(): Promise<void> {
    if (semanticallyEqual(this.#original.status, this.#status)) return;
    try {
      await this.#context.client.updateStatus(horizontalPodAutoscalers, { ...this.#original, status: this.#status }, { signal: this.#context.signal });
    } catch (error) {
      if (!this.#context.signal.aborted) this.#event('Warning', 'FailedUpdateStatus', messageOf(error));
      throw error;
    }
  }
}
