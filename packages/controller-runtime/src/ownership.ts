/** References from a child to the controller that manages it: making them, following them, adopting and releasing. */
import { apiVersionOf, controllerOf, isNotFound, type KubeObject, keyOf, type LabelMatcher, matcherOf, type OwnerReference, parseApiVersion, type ResourceType, StatusError } from '@pilothouse/apimachinery';
import type { LabelSelector } from '@pilothouse/api-schemas/types/meta/v1';
import type { Client, Lister } from '@pilothouse/client';
import type { Watch } from './contract.ts';

/** The reference that makes `owner` the controller of a child. */
export const controllerReference = (type: ResourceType<any>, owner: KubeObject): OwnerReference => ({ apiVersion: apiVersionOf(type.group, type.version), kind: type.kind, name: owner.metadata.name!, uid: owner.metadata.uid!, controller: true, blockOwnerDeletion: true });

/** The owner in `lister` that controls `child`; undefined where it is another kind's, unknown, or another of that name. */
export function controllerIn<T extends KubeObject>(lister: Lister<T>, type: ResourceType<T>, child: KubeObject): T | undefined {
  const ref = controllerOf(child);
  return ref && ownerIn(lister, type, child.metadata.namespace, ref);
}

function ownerIn<T extends KubeObject>(lister: Lister<T>, type: ResourceType<T>, namespace: string | undefined, ref: OwnerReference): T | undefined {
  if (ref.kind !== type.kind || parseApiVersion(ref.apiVersion).group !== type.group) return undefined;
  const owner = lister.get(type.namespaced && namespace ? `${namespace}/${ref.name}` : ref.name);
  return owner?.metadata.uid === ref.uid ? owner : undefined;
}

const matchers = new WeakMap<LabelSelector, LabelMatcher>();
const never = matcherOf(undefined);

/** A selector compiled once per object it stands in. One that is malformed selects nothing. */
export function selectorOf(selector: LabelSelector | undefined): LabelMatcher {
  if (!selector) return never;
  let matcher = matchers.get(selector);
  if (!matcher) {
    try {
      matcher = matcherOf(selector);
    } catch {
      matcher = never;
    }
    matchers.set(selector, matcher);
  }
  return matcher;
}

/**
 * Wakes the owner whose controller reference a child carries (before and after the change). With `selector`, a child
 * that nobody controls wakes every owner in its namespace that would adopt it.
 */
export function ownedBy<O extends KubeObject, C extends KubeObject>(owner: ResourceType<O>, child: ResourceType<C>, options: { selector?: (owner: O) => LabelMatcher; indexes?: Watch<C>['indexes'] } = {}): Watch<C> {
  return {
    type: child,
    indexes: options.indexes,
    *keys(object, { old, deleted }, context) {
      const lister = context.lister(owner);
      const current = controllerOf(object);
      const before = old && controllerOf(old);
      if (before && before.uid !== current?.uid) {
        const previous = ownerIn(lister, owner, object.metadata.namespace, before);
        if (previous) yield keyOf(previous);
      }
      if (current) {
        const found = ownerIn(lister, owner, object.metadata.namespace, current);
        if (found) yield keyOf(found);
        return;
      }
      if (deleted || !options.selector) return;
      if (old && before === undefined && sameLabels(object, old)) return;
      for (const candidate of lister.inNamespace(object.metadata.namespace ?? '')) {
        const matcher = options.selector(candidate);
        if (!matcher.everything && matcher.matches(object.metadata.labels)) yield keyOf(candidate);
      }
    },
  };
}

function sameLabels(a: KubeObject, b: KubeObject): boolean {
  const x = a.metadata.labels ?? {};
  const y = b.metadata.labels ?? {};
  const keys = Object.keys(x);
  return keys.length === Object.keys(y).length && keys.every((key) => x[key] === y[key]);
}

export interface ClaimOptions<O extends KubeObject, C extends KubeObject> {
  client: Client;
  ownerType: ResourceType<O>;
  owner: O;
  childType: ResourceType<C>;
  /** What belongs to the owner. */
  matches(child: C): boolean;
  /** Finalizers put on what is adopted, and taken off what is released. */
  finalizers?: readonly string[];
  signal?: AbortSignal;
}

/**
 * Sorts out which of `children` the owner controls: adopts matching orphans, releases its own that match no longer.
 * Adoption is preceded by one uncached look at the owner, which may be gone or another of its name by now.
 * @throws the first error after all were tried
 */
export async function claimChildren<O extends KubeObject, C extends KubeObject>(children: readonly C[], options: ClaimOptions<O, C>): Promise<C[]> {
  const { owner } = options;
  const claimed: C[] = [];
  const errors: unknown[] = [];
  let ownerChecked: Promise<void> | undefined;
  for (const child of children) {
    const ref = controllerOf(child);
    const mine = ref?.uid === owner.metadata.uid;
    if (ref && !mine) continue;
    const matches = options.matches(child);
    if (mine && matches) {
      claimed.push(child);
      continue;
    }
    if (owner.metadata.deletionTimestamp || (!mine && !matches)) continue;
    try {
      if (mine) {
        await release(child, options);
        continue;
      }
      if (child.metadata.deletionTimestamp || child.metadata.namespace !== owner.metadata.namespace) continue;
      ownerChecked ??= assertOwnerLives(options);
      await ownerChecked;
      await adopt(child, options);
      claimed.push(child);
    } catch (error) {
      if (!isNotFound(error)) errors.push(error);
    }
  }
  if (errors.length) throw errors[0];
  return claimed;
}

async function assertOwnerLives<O extends KubeObject>({ client, ownerType, owner, signal }: ClaimOptions<O, any>): Promise<void> {
  const { namespace, name, uid } = owner.metadata;
  const fresh = await client.get(ownerType, name!, { namespace, signal });
  if (fresh.metadata.uid !== uid) throw new Error(`original ${ownerType.kind} ${namespace}/${name} is gone: got uid ${fresh.metadata.uid}, wanted ${uid}`);
  if (fresh.metadata.deletionTimestamp) throw new Error(`${namespace}/${name} has just been deleted at ${fresh.metadata.deletionTimestamp}`);
}

async function adopt<O extends KubeObject, C extends KubeObject>(child: C, { client, ownerType, owner, childType, finalizers, signal }: ClaimOptions<O, C>): Promise<void> {
  const patch = { metadata: { uid: child.metadata.uid, ownerReferences: [controllerReference(ownerType, owner)], ...(finalizers?.length && { finalizers }) } };
  await client.patch(childType, child.metadata.name!, patch, { namespace: child.metadata.namespace, type: 'strategic', signal });
}

async function release<O extends KubeObject, C extends KubeObject>(child: C, { client, owner, childType, finalizers, signal }: ClaimOptions<O, C>): Promise<void> {
  const patch = { metadata: { uid: child.metadata.uid, ownerReferences: [{ $patch: 'delete', uid: owner.metadata.uid }], ...(finalizers?.length && { '$deleteFromPrimitiveList/finalizers': finalizers }) } };
  try {
    await client.patch(childType, child.metadata.name!, patch, { namespace: child.metadata.namespace, type: 'strategic', signal });
  } catch (error) {
    // Gone, or another object of that name by now: either way nothing is left to release.
    if (!isNotFound(error) && !(error instanceof StatusError && error.reason === 'Invalid')) throw error;
  }
}

/** Where children are that an owner controls, or could adopt: its own and those of its namespace that nobody controls. */
export const ownedOrOrphaned = <C extends KubeObject>(lister: Lister<C>, owner: KubeObject): C[] =>
  [...lister.ownedBy(owner.metadata.uid!), ...lister.byIndex(orphanIndex, owner.metadata.namespace ?? '')];

/** Index of what has no controller, by namespace. */
export const orphanIndex = 'orphan';
export const orphansByNamespace = { [orphanIndex]: (object: KubeObject): string[] => (controllerOf(object) ? [] : [object.metadata.namespace ?? '']) };

