/**
 * Answers a SchedulingReview: the cycle is run on a copy of the cluster with the edits made; the copy is put back afterwards. The search for
 * suggestions gives way to scheduling between two tries.
 */
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { type FieldError, invalid, notFound, required, tooMany } from '@pilothouse/apimachinery';
import { messageOf } from '@pilothouse/base/errors';
import { ConfigurationError, type DefaultedConfiguration, loadConfiguration, PodInfo, type Profile, type SchedulerWorld } from '@pilothouse/scheduler-framework';
import type { SchedulingReviewSpec, SchedulingReviewStatus } from '../api/types.ts';
import { type CycleWorld, profileFor, runCycle } from '../explain/cycle-run.ts';
import { explain } from '../explain/explanation.ts';
import type { ClusterCopies } from '../history/copies.ts';
import type { ClusterCopy } from '../history/copy.ts';
import { completePod } from './complete-pod.ts';
import { applyEdits, EditError, type EditContext } from './edits.ts';
import { proposalsFor, type SearchContext, tryProposals } from './suggestions.ts';

export interface ReviewContext {
  readonly world: SchedulerWorld;
  readonly copies: ClusterCopies;
  readonly nowMs: () => number;
  readonly monotonic: () => number;
  /** A pod by namespace and name, as it is now. */
  readonly findPod: (namespace: string, name: string) => Promise<Pod | undefined>;
  readonly priorityOf: EditContext['priorityOf'];
  /** Lets others work. */
  readonly pause: () => Promise<void>;
}

export const mostEdits = 64;
export const mostNodes = 5000;

/** What is asked cannot be asked. */
export class ReviewError extends Error {
  override name = 'ReviewError';
  readonly findings: readonly FieldError[];
  constructor(findings: readonly FieldError[]) {
    super(findings.map((f) => `${f.field}: ${f.message}`).join(', '));
    this.findings = findings;
  }
}

/** @throws ReviewError */
export async function review(spec: SchedulingReviewSpec, namespace: string, context: ReviewContext): Promise<SchedulingReviewStatus> {
  const found = validate(spec);
  if (found.length) throw new ReviewError(found);
  const { world } = context;
  const config = spec.configuration ? readConfiguration(spec.configuration, world) : world.config;
  const pod = await podOf(spec, namespace, context, config);
  const schedulerName = spec.profile ?? pod.spec!.schedulerName!;
  if (!config.profiles.some((p) => p.schedulerName === schedulerName)) throw new ReviewError([notFound(spec.profile ? 'spec.profile' : 'spec.pod.spec.schedulerName', schedulerName)]);
  try {
    const profiles = new WeakMap<object, Profile>();
    const prepared: SearchContext['prepared'] = (use) =>
      context.copies.at(undefined, (copy) => {
        takeAway(copy, pod);
        const editing: EditContext = { copy, pod, namespace, priorityOf: context.priorityOf };
        applyEdits(spec.edits ?? [], editing, 'spec.edits');
        const cycleWorld: CycleWorld = { snapshot: copy.snapshot, nominator: copy.nominator, objects: copy.objects, features: world.features, plugins: world.plugins, nowMs: context.nowMs() };
        let profile = profiles.get(copy);
        if (!profile) profiles.set(copy, (profile = profileFor(cycleWorld, config, schedulerName)!));
        return use(editing, cycleWorld, profile);
      })!;
    return await run(spec, { prepared, percentageOfNodesToScore: config.percentageOfNodesToScore, monotonic: context.monotonic, pause: context.pause }, world);
  } catch (error) {
    if (error instanceof EditError) throw new ReviewError(error.findings);
    throw error;
  }
}

async function run(spec: SchedulingReviewSpec, search: SearchContext, { firstByName }: SchedulerWorld): Promise<SchedulingReviewStatus> {
  const { prepared, percentageOfNodesToScore, monotonic } = search;
  const { explanation, proposals } = prepared((editing, cycleWorld, profile) => {
    const result = runCycle(cycleWorld, new PodInfo(editing.pod), { profile, percentageOfNodesToScore, allPlugins: spec.allPlugins, monotonic });
    const made = explain(result, { maxNodes: spec.maxNodes ?? 100, firstByName, details: 'Recorded' });
    return { explanation: made, proposals: spec.suggest && (made.result === 'Unschedulable' || made.result === 'Gated') ? proposalsFor(result, editing) : undefined };
  });
  return { explanation, ...(proposals && (await tryProposals(proposals, search))) };
}

/** A pod that runs is reviewed as if it did not; one that waits does not stand in its own way. */
function takeAway(copy: ClusterCopy, { metadata }: Pod): void {
  const { uid = '', namespace = '' } = metadata;
  const placed = copy.snapshot.hasPod(uid, namespace);
  if (placed) copy.edit({ kind: 'pod', info: placed.info, node: copy.snapshot.names[placed.node], sign: -1 });
  const nominated = copy.nominator.nodeOf(uid);
  const info = nominated === undefined ? undefined : copy.nominator.on(nominated)?.find((p) => p.uid === uid);
  if (info) copy.edit({ kind: 'nomination', info, was: nominated, now: undefined });
}

function validate(spec: SchedulingReviewSpec): FieldError[] {
  const found: FieldError[] = [];
  if (!spec.podName === !spec.pod) found.push(spec.pod ? { reason: 'FieldValueForbidden', field: 'spec.pod', message: 'Forbidden: may not be specified together with podName' } : required('spec.pod', 'one of podName and pod is needed'));
  if (spec.pod && !spec.pod.spec?.containers?.length) found.push(required('spec.pod.spec.containers'));
  if ((spec.edits?.length ?? 0) > mostEdits) found.push(tooMany('spec.edits', spec.edits!.length, mostEdits));
  if (spec.maxNodes !== undefined && (spec.maxNodes < 0 || spec.maxNodes > mostNodes)) found.push(invalid('spec.maxNodes', spec.maxNodes, `must be between 0 and ${mostNodes}, inclusive`));
  return found;
}

function readConfiguration(source: Record<string, unknown>, { features }: SchedulerWorld): DefaultedConfiguration {
  try {
    return loadConfiguration(source, features);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new ReviewError([{ reason: 'FieldValueInvalid', field: 'spec.configuration', message: `Invalid value: ${messageOf(error)}` }]);
  }
}

async function podOf(spec: SchedulingReviewSpec, namespace: string, { findPod, priorityOf }: ReviewContext, config: DefaultedConfiguration): Promise<Pod> {
  const fallback = config.profiles[0].schedulerName;
  if (spec.pod) return completePod(spec.pod, { namespace, name: spec.pod.metadata?.name || spec.pod.metadata?.generateName || 'what-if', schedulerName: spec.profile ?? (config.profiles.some((p) => p.schedulerName === 'default-scheduler') ? undefined : fallback), priorityOf });
  const pod = await findPod(namespace, spec.podName!);
  if (!pod) throw new ReviewError([notFound('spec.podName', spec.podName)]);
  const { nodeName: _bound, ...rest } = pod.spec!;
  return { ...pod, spec: rest, status: { ...pod.status, nominatedNodeName: undefined } } as Pod;
}
