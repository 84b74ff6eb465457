/** Policies with their bindings, compiled as they change. A request where there are none costs one look at an empty list. */
import type { MatchResources, ParamKind, ParamRef } from '@pilothouse/api-schemas/types/admissionregistration/v1';
import { type KubeObject, matcherOf, type ResourceType } from '@pilothouse/apimachinery';
import { type CompiledPolicy, compilePolicy, type PolicySource } from '@pilothouse/cel';
import type { AdmissionAttributes, ObjectFeed } from '../contract.ts';
import type { ResourceRegistry, ServedResource } from '../registry.ts';

export interface PolicyObject extends KubeObject {
  spec: Omit<PolicySource, 'paramKind'> & { paramKind?: ParamKind; failurePolicy?: string; matchConstraints?: MatchResources; };
}
export interface BindingObject extends KubeObject {
  spec: { policyName?: string; paramRef?: ParamRef; matchResources?: MatchResources };
}

export interface BoundPolicy<P, B> {
  policy: P;
  readonly compiled: CompiledPolicy;
  bindings: readonly B[];
}

const byName = (a: KubeObject, b: KubeObject): number => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1);

export class PolicyIndex<P extends PolicyObject, B extends BindingObject> {
  readonly #policies = new Map<string, { policy: P; compiled?: CompiledPolicy }>();
  readonly #bindings = new Map<string, B>();
  #bound: BoundPolicy<P, B>[] | undefined;

  /** Keeps the index current until `signal` aborts. */
  follow(read: ObjectFeed, policies: ResourceType<P>, bindings: ResourceType<B>, signal?: AbortSignal): Promise<unknown> {
    const keep = <T extends KubeObject, U>(map: Map<string, U>, value: (object: T) => U) => (object: T | undefined, old: T | undefined): void => {
      this.#bound = undefined;
      const name = (object ?? old)!.metadata.name!;
      if (object) map.set(name, value(object));
      else map.delete(name);
    };
    return Promise.all([read.follow(policies, keep(this.#policies, (policy: P) => ({ policy })), signal), read.follow(bindings, keep(this.#bindings, (binding: B) => binding), signal)]);
  }

  /** Policies that something binds, by name. */
  get bound(): readonly BoundPolicy<P, B>[] {
    return (this.#bound ??= this.#bind());
  }

  #bind(): BoundPolicy<P, B>[] {
    const bindings = [...this.#bindings.values()].sort(byName);
    return [...this.#policies.values()]
      .sort((a, b) => byName(a.policy, b.policy))
      .map((held) => ({
        policy: held.policy,
        get compiled() {
          return (held.compiled ??= compilePolicy(held.policy.spec));
        },
        bindings: bindings.filter(({ spec }) => spec.policyName === held.policy.metadata.name),
      }))
      .filter(({ bindings: found }) => found.length > 0);
  }
}

/** The kind of parameters does not exist. */
export class NoSuchKind extends Error {}

export function resourceOfKind(registry: ResourceRegistry, { apiVersion = '', kind = '' }: ParamKind): ServedResource {
  const found = registry.all().find((resource) => resource.apiVersion === apiVersion && resource.kind === kind && resource.stored);
  if (!found) throw new NoSuchKind(`failed to find resource referenced by paramKind: '${apiVersion}, Kind=${kind}'`);
  return found;
}

/** The parameter objects of a binding; `[undefined]`: asked once without any. @throws Error where there should be some */
export async function parametersOf(a: AdmissionAttributes, paramKind: ParamKind | undefined, ref: ParamRef | undefined, registry: ResourceRegistry): Promise<(KubeObject | undefined)[]> {
  if (!paramKind || !ref) return [undefined];
  const { definition: { type } } = resourceOfKind(registry, paramKind);
  const namespace = type.namespaced ? ref.namespace || a.namespace : '';
  if (type.namespaced && !namespace) throw new Error('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources');
  if (!type.namespaced && ref.namespace) throw new Error('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
  const found = ref.name ? [await a.read.get(type, ref.name, namespace || undefined)].filter((object) => object !== undefined) : (await a.read.list(type, namespace || undefined)).filter((object) => matcherOf(ref.selector).matches(object.metadata.labels));
  if (!found.length && ref.parameterNotFoundAction === 'Deny') throw new Error('no params found for policy binding with `Deny` parameterNotFoundAction');
  return ref.selector ? [...found].sort(byName) : found;
}
