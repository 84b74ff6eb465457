import { messageOf } from '@pilothouse/base';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { ResourceClaim } from '@pilothouse/api-schemas/types/resource/v1';
import { controllerOf, isNotFound, keyOf, pods, resourceClaims, resourceClaimTemplates } from '@pilothouse/apimachinery';
import { referenceTo } from '@pilothouse/client';
import { type ControllerContext, defineController, done } from '@pilothouse/controller-runtime';
import { claimFromTemplate, claimNameOf, claimNamesOf, isDone, isFor, lacksReservation, podClaimAnnotation, protectionFinalizer } from './plan.ts';

const podPrefix = 'pod:';
const claimPrefix = 'claim:';
const byClaim = 'resourceClaim';
const fieldManager = 'ResourceClaimController';

/** Claims made and not yet seen in the cache, by the pod's uid and the entry's name: a second one must not be made. */
type Made = Map<string, ResourceClaim>;

/** Makes resource claims from pods' templates, and gives claims free that nobody needs any more. @see https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/ */
export const resourceClaimController = defineController<Made>({
  name: 'resourceclaim-controller',
  aliases: ['resource-claim-controller'],
  serviceAccount: 'resource-claim-controller',
  eventSource: 'resource_claim',
  workers: 10,
  watches: [
    {
      type: pods,
      indexes: { [byClaim]: (pod: Pod) => claimNamesOf(pod).map((name) => `${pod.metadata.namespace}/${name}`) },
      *keys(pod: Pod, { deleted }) {
        if (!pod.spec?.resourceClaims?.length && !pod.status?.extendedResourceClaimStatus) return;
        if (deleted || isDone(pod)) for (const name of claimNamesOf(pod)) yield `${claimPrefix}${pod.metadata.namespace}/${name}`;
        if (!deleted && !pod.metadata.deletionTimestamp) yield podPrefix + keyOf(pod);
      },
    },
    {
      type: resourceClaims,
      *keys(claim, { deleted }, context) {
        if (!deleted) yield claimPrefix + keyOf(claim);
        for (const pod of context.lister(pods).byIndex(byClaim, keyOf(claim))) yield podPrefix + keyOf(pod);
      },
    },
    {
      type: resourceClaimTemplates,
      // A pod may have come before its template.
      *keys(template, { deleted }, context) {
        if (deleted) return;
        for (const pod of context.lister(pods).inNamespace(template.metadata.namespace!)) if (pod.spec?.resourceClaims?.some((entry) => entry.resourceClaimTemplateName === template.metadata.name)) yield podPrefix + keyOf(pod);
      },
    },
  ],
  start(context) {
    const made: Made = new Map();
    const seen = (claim: ResourceClaim) => {
      const owner = controllerOf(claim);
      if (owner) made.delete(`${owner.uid}/${claim.metadata.annotations?.[podClaimAnnotation]}`);
    };
    const off = context.informer(resourceClaims).handle({ add: seen, delete: seen });
    context.signal.addEventListener('abort', off, { once: true });
    return made;
  },
  async reconcile(key, context, made) {
    if (key.startsWith(podPrefix)) await syncPod(key.slice(podPrefix.length), context, made);
    else await syncClaim(key.slice(claimPrefix.length), context);
    return done;
  },
});

async function syncPod(key: string, context: ControllerContext, made: Made): Promise<void> {
  const { client, lister, recorder, signal } = context;
  const pod = lister(pods).get(key);
  if (!pod || pod.metadata.deletionTimestamp || isDone(pod)) return;
  const { namespace } = pod.metadata;
  const entries = pod.spec?.resourceClaims ?? [];
  const found = new Map<string, string>();
  for (const entry of entries) {
    if (claimNameOf(pod, entry) !== 'unknown') continue;
    try {
      found.set(entry.name, (await ensureClaim(pod, entry.name, entry.resourceClaimTemplateName!, context, made)).metadata.name!);
    } catch (error) {
      if (!signal.aborted) recorder.event(referenceTo(pods, pod), 'Warning', 'FailedResourceClaimCreation', `PodResourceClaim ${entry.name}: ${messageOf(error)}`);
      throw new Error(`pod ${key}, PodResourceClaim ${entry.name}: ${messageOf(error)}`, { cause: error });
    }
  }
  if (found.size) {
    const known = (pod.status?.resourceClaimStatuses ?? []).map(({ name, resourceClaimName }) => ({ name, ...(resourceClaimName && { resourceClaimName }) }));
    const statuses = [...known, ...[...found].map(([name, resourceClaimName]) => ({ name, resourceClaimName }))];
    await client.patch(pods, pod.metadata.name!, { apiVersion: 'v1', kind: 'Pod', metadata: { name: pod.metadata.name, namespace, uid: pod.metadata.uid }, status: { resourceClaimStatuses: statuses } }, { namespace, type: 'apply', fieldManager, force: true, subresource: 'status', signal });
  }
  if (!pod.spec?.nodeName) return;
  for (const entry of entries) {
    const name = claimNameOf(pod, entry);
    if (typeof name !== 'object') continue;
    const claim = lister(resourceClaims).get(`${namespace}/${name.name}`);
    if (!claim) continue;
    if (name.own && !isFor(claim, pod)) throw new Error(`ResourceClaim was not created for pod ${key} (pod is not owner)`);
    if (!lacksReservation(claim, pod)) continue;
    const reservedFor = [...(claim.status?.reservedFor ?? []), { resource: 'pods', name: pod.metadata.name!, uid: pod.metadata.uid! }];
    await client.updateStatus(resourceClaims, { ...claim, status: { ...claim.status, reservedFor } }, { signal });
  }
}

async function ensureClaim(pod: Pod, entry: string, template: string, { client, lister, signal }: ControllerContext, made: Made): Promise<ResourceClaim> {
  const known = lister(resourceClaims).ownedBy(pod.metadata.uid!).find((claim) => claim.metadata.annotations?.[podClaimAnnotation] === entry) ?? made.get(`${pod.metadata.uid}/${entry}`);
  if (known) return known;
  const found = lister(resourceClaimTemplates).get(`${pod.metadata.namespace}/${template}`);
  if (!found) throw new Error(`resource claim template ${JSON.stringify(template)}: resourceclaimtemplate.resource.k8s.io ${JSON.stringify(template)} not found`);
  const claim = await client.create(resourceClaims, claimFromTemplate(found, pod, entry), { signal });
  if (!lister(resourceClaims).get(keyOf(claim))) made.set(`${pod.metadata.uid}/${entry}`, claim);
  return claim;
}

/** Takes off a claim those that need it no more; frees it when nobody does, and deletes it with the pod it was made for. */
async function syncClaim(key: string, context: ControllerContext): Promise<void> {
  const { client, lister, signal } = context;
  const cached = lister(resourceClaims).get(key);
  if (!cached) return;
  let claim = cached;
  const { namespace } = claim.metadata;
  const reserved = claim.status?.reservedFor ?? [];
  const needed = await Promise.all(reserved.map(async ({ apiGroup, resource, name, uid }) => apiGroup || resource !== 'pods' || !(await isGone(namespace!, name, uid, context))));
  const remaining = reserved.filter((_, i) => needed[i]);
  const isProtected = () => claim.metadata.finalizers?.includes(protectionFinalizer) ?? false;
  const release = (status: ResourceClaim['status']) => client.updateStatus(resourceClaims, { ...claim, status }, { signal });
  const unprotect = async () => {
    claim = await client.update(resourceClaims, { ...claim, metadata: { ...claim.metadata, finalizers: claim.metadata.finalizers!.filter((f) => f !== protectionFinalizer) } }, { signal });
  };
  const free = ({ allocation: _, reservedFor: __, ...rest }: NonNullable<ResourceClaim['status']>) => rest;
  try {
    if (remaining.length < reserved.length) {
      claim = await release(!remaining.length && isProtected() ? free(claim.status!) : { ...claim.status, reservedFor: remaining });
      if (isProtected() && !claim.status?.allocation) await unprotect();
    } else if (isProtected() && claim.metadata.deletionTimestamp && !remaining.length) {
      if (claim.status?.allocation) claim = await release(free(claim.status));
      await unprotect();
    }
    const owner = controllerOf(claim);
    if (remaining.length || claim.metadata.deletionTimestamp || owner?.kind !== 'Pod' || owner.apiVersion !== 'v1') return;
    if (await isGone(namespace!, owner.name, owner.uid, context)) await client.delete(resourceClaims, claim.metadata.name!, { namespace, preconditions: { uid: claim.metadata.uid }, signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Whether a pod has ended or is no more; the API is asked where the cache does not know it, as the cache may be behind. */
async function isGone(namespace: string, name: string, uid: string, { client, lister, signal }: ControllerContext): Promise<boolean> {
  let pod = lister(pods).get(`${namespace}/${name}`);
  try {
    pod ??= await client.get(pods, name, { namespace, signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  return !pod || pod.metadata.uid !== uid || isDone(pod);
}
