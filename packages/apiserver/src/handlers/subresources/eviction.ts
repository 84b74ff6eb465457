import { type ApiResponse, badRequestError, conflictError, forbiddenError, isConflict, type KubeObject, matcherOf, notFoundError, StatusError, type StatusCause } from '@pilothouse/apimachinery';
import { typeOfKind } from '@pilothouse/api-schemas';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { DeleteOptions } from '@pilothouse/api-schemas/types/meta/v1';
import type { Eviction, PodDisruptionBudget } from '@pilothouse/api-schemas/types/policy/v1';
import { formatTime } from '@pilothouse/base';
import { builtinCodec } from '../../objects/codec.ts';
import { decodeBody } from '../../objects/decode.ts';
import { readObject } from '../../objects/storage.ts';
import { writeOptions } from '../../request/write-options.ts';
import { admit, mutate } from '../admit.ts';
import { answerValue, createdStatus } from '../answer.ts';
import type { Call } from '../call.ts';
import { deleteStored } from '../delete.ts';
import { rawUpdate } from '../raw-update.ts';

const codec = builtinCodec(typeOfKind('policy', 'v1', 'Eviction')!.name);
/** Evictions that a budget may hold before its controller has confirmed them. */
const mostUnconfirmed = 2_000;
/** Attempts at a delete that conflicts. */
const deleteTries = 20;

/** As upstream names it in these errors. */
const podSubject = { group: '', plural: 'Pod' };

type StoredPod = Pod & KubeObject;
type Budget = PodDisruptionBudget & KubeObject;

/** `POST pods/x/eviction`: deletes the pod if the disruption budgets allow it. */
export async function evictPod(call: Call): Promise<ApiResponse> {
  const { request, info } = call;
  const options = writeOptions(info.query, 'CreateOptions');
  const eviction = decodeBody<Eviction & KubeObject>(request, { group: 'policy', version: 'v1', olderVersions: ['v1beta1'], kind: 'Eviction', codec }, options.fieldValidation, call.warnings);
  if (eviction.metadata.name !== info.name) throw badRequestError('name in URL does not match name in Eviction object');
  const given = (eviction.deleteOptions ?? {}) as DeleteOptions;
  const dryRun = options.dryRun || !!given.dryRun?.length;
  const deletion: DeleteOptions = { ...given, ...(dryRun && { dryRun: ['All'] }) };
  const admission = { operation: 'CREATE' as const, subresource: 'eviction', object: eviction, old: undefined, dryRun, options: {}, name: info.name };
  await mutate(call, admission);
  await admit(call, admission);
  const pinned = deletion.preconditions?.resourceVersion !== undefined;
  for (let attempt = 1; ; attempt++) {
    const pod = await currentPod(call);
    if (!ignoresBudgets(pod)) return evictByBudget(call, pod, deletion, dryRun);
    try {
      // A pending pod may meanwhile have become one that the budgets count.
      const unchanged = pod.status?.phase === 'Pending' && !pinned;
      await markAndDelete(call, pod, unchanged ? atRevision(deletion, pod) : deletion, dryRun);
      return answerValue(call, createdStatus, 201);
    } catch (error) {
      if (pinned || !isConflict(error) || attempt >= deleteTries) throw error;
    }
  }
}

async function evictByBudget(call: Call, pod: StoredPod, deletion: DeleteOptions, dryRun: boolean): Promise<ApiResponse> {
  const { core } = call;
  const budgets = budgetsOf(call, pod);
  if (budgets.length > 1) throw new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.', code: 500 });
  const [budget] = budgets;
  const pinned = deletion.preconditions?.resourceVersion !== undefined;
  // An unready pod counts for nothing: it may go without being charged, as long as it stays unready.
  const free = budget !== undefined && !isReady(pod) && freeOfCharge(budget);
  if (budget && !free) {
    const resource = core.registry.find('policy', 'v1', 'poddisruptionbudgets')!;
    await rawUpdate<Budget>(core, resource, { namespace: budget.metadata.namespace ?? '', name: budget.metadata.name ?? '', dryRun }, (current) => charge(current, pod.metadata.name ?? '', formatTime(core.clock.now())));
  }
  try {
    await markAndDelete(call, pod, free && !pinned ? atRevision(deletion, pod) : deletion, dryRun);
  } catch (error) {
    if (free && !pinned && isConflict(error)) throw stillProcessed(budget.metadata.name!);
    throw error;
  }
  return answerValue(call, createdStatus, 201);
}

/** Says on the pod why it goes, then deletes it. */
async function markAndDelete(call: Call, pod: StoredPod, deletion: DeleteOptions, dryRun: boolean): Promise<void> {
  const { core, resource, info } = call;
  if (dryRun) {
    await deleteStored(call, info.name, deletion);
    return;
  }
  const now = formatTime(core.clock.now());
  const marked = await rawUpdate<StoredPod>(core, resource, { namespace: info.namespace, name: info.name, dryRun: false }, (current) => {
    const { uid, resourceVersion } = deletion.preconditions ?? {};
    const { uid: ownUid, resourceVersion: own } = current.metadata;
    if (uid && uid !== ownUid) throw conflictError(podSubject, info.name, `the UID in the precondition (${uid}) does not match the UID in record (${ownUid}). The object might have been deleted and then recreated`);
    if (resourceVersion && resourceVersion !== own) throw conflictError(podSubject, info.name, `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${own}). The object might have been modified`);
    const conditions = ((current.status ??= {}).conditions ??= []);
    const condition = { type: 'DisruptionTarget', status: 'True', lastProbeTime: null as unknown as string, lastTransitionTime: now, reason: 'EvictionByEvictionAPI', message: 'Eviction API: evicting' };
    const at = conditions.findIndex(({ type }) => type === condition.type);
    if (at < 0) conditions.push(condition);
    else conditions[at] = { ...condition, ...(conditions[at].status === 'True' && { lastTransitionTime: conditions[at].lastTransitionTime }) };
  });
  const precondition = deletion.preconditions?.resourceVersion ? { preconditions: { ...deletion.preconditions, uid: pod.metadata.uid, resourceVersion: String(marked.revision) } } : {};
  await deleteStored(call, info.name, { ...deletion, ...precondition });
}

async function currentPod({ core, resource, info }: Call): Promise<StoredPod> {
  const entry = await readObject(core.store, resource.stored!, info.namespace, info.name);
  if (!entry) throw notFoundError(resource.subject, info.name);
  return entry.object as StoredPod;
}

const ignoresBudgets = ({ metadata, status }: StoredPod): boolean => metadata.deletionTimestamp !== undefined || status?.phase === 'Succeeded' || status?.phase === 'Failed' || status?.phase === 'Pending';

const isReady = ({ status }: StoredPod): boolean => status?.conditions?.some(({ type, status: state }) => type === 'Ready' && state === 'True') ?? false;

const atRevision = (deletion: DeleteOptions, pod: StoredPod): DeleteOptions => ({ ...deletion, preconditions: { ...deletion.preconditions, resourceVersion: pod.metadata.resourceVersion } });

function budgetsOf({ core, info }: Call, pod: StoredPod): Budget[] {
  const { cache } = core.registry.find('policy', 'v1', 'poddisruptionbudgets')!.stored!;
  const found: Budget[] = [];
  cache.scan(info.namespace, undefined, (entry) => {
    const budget = entry.object as Budget;
    if (budget.spec?.selector && matcherOf(budget.spec.selector).matches(pod.metadata.labels)) found.push(budget);
  });
  return found;
}

function freeOfCharge({ spec, status }: Budget): boolean {
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  return (status?.currentHealthy ?? 0) >= (status?.desiredHealthy ?? 0) && (status?.desiredHealthy ?? 0) > 0;
}

/** Takes one disruption off the budget. Changes it. @throws StatusError 429 where there is none left, 403 */
function charge(budget: Budget, podName: string, now: string): void {
  const { name = '', generation = 0 } = budget.metadata;
  const subject = { group: 'policy', plural: 'poddisruptionbudget' };
  const status = budget.status as NonNullable<Budget['status']> & { disruptionsAllowed: number };
  if ((status.observedGeneration ?? 0) < generation) throw stillProcessed(name);
  if (status.disruptionsAllowed < 0) throw forbiddenError(subject, name, 'pdb disruptions allowed is negative');
  if (Object.keys(status.disruptedPods ?? {}).length > mostUnconfirmed) throw forbiddenError(subject, name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  if (status.disruptionsAllowed === 0) throw tooManyDisruptions({ reason: 'DisruptionBudget', message: whyNone(name, status) });
  status.disruptionsAllowed--;
  if (status.disruptionsAllowed === 0) {
    const conditions = (status.conditions ??= []);
    const condition = { type: 'DisruptionAllowed', status: 'False', ...(status.observedGeneration && { observedGeneration: status.observedGeneration }), lastTransitionTime: now, reason: 'InsufficientPods', message: '' };
    const at = conditions.findIndex(({ type }) => type === condition.type);
    if (at < 0) conditions.push(condition);
    else conditions[at] = { ...condition, ...(conditions[at].status === 'False' && { lastTransitionTime: conditions[at].lastTransitionTime }) };
  }
  status.disruptedPods = { ...status.disruptedPods, [podName]: now };
}

/** The numbers of a budget that could not be computed are not to be trusted, so that comes first. */
function whyNone(name: string, { conditions, currentHealthy, desiredHealthy }: NonNullable<Budget['status']>): string {
  const refusal = conditions?.find(({ type, status, message }) => type === 'DisruptionAllowed' && status === 'False' && message);
  if (refusal?.reason === 'SyncFailed') return `The disruption budget ${name} does not allow evicting pods currently because it failed sync: ${refusal.message}`;
  if ((currentHealthy ?? 0) <= (desiredHealthy ?? 0)) return `The disruption budget ${name} needs ${desiredHealthy ?? 0} healthy pods and has ${currentHealthy ?? 0} currently`;
  return `The disruption budget ${name} does not allow evicting pods currently${refusal ? ` (${refusal.reason}): ${refusal.message}` : ''}`;
}

const stillProcessed = (name: string): StatusError => tooManyDisruptions({ reason: 'DisruptionBudget', message: `The disruption budget ${name} is still being processed by the server.` }, 10);

/** `retrySeconds` 0: nobody can say when to come again. */
const tooManyDisruptions = (cause: StatusCause, retrySeconds = 0): StatusError =>
  new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: "Cannot evict pod as it would violate the pod's disruption budget.", reason: 'TooManyRequests', details: { causes: [cause], ...(retrySeconds && { retryAfterSeconds: retrySeconds }) }, code: 429 });
