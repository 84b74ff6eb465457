/** MutatingAdmissionPolicy: objects are changed by expressions. Facts: apiserver/pkg/admission/plugin/policy/mutating. */
import type { MutatingAdmissionPolicy as PublishedPolicy, MutatingAdmissionPolicyBinding as PublishedBinding } from '@pilothouse/api-schemas/types/admissionregistration/v1';
import { equalJson, type KubeObject, mutatingAdmissionPolicies, mutatingAdmissionPolicyBindings, StatusError } from '@pilothouse/apimachinery';
import type { AccessDecision } from '@pilothouse/cel';
import type { AdmissionAttributes, AdmissionPlugin, ObjectFeed } from '../contract.ts';
import { codecOf } from '../objects/codec.ts';
import { EquivalentVersions } from '../policies/equivalent-versions.ts';
import { Evaluation } from '../policies/evaluation.ts';
import { isExempt, matchResources, namespaceOf, type RequestedResource } from '../policies/matching.ts';
import { applyConfiguration, applyPatches, PatchProblem } from '../policies/patches.ts';
import { type BoundPolicy, NoSuchKind, parametersOf, PolicyIndex, resourceOfKind } from '../policies/policy-index.ts';
import type { ResourceRegistry } from '../registry.ts';
import type { Filled } from '../resources/filled.ts';
import { refuse } from './refuse.ts';
import { inTurn } from './reinvocation.ts';
import { replaceObject, settled } from './replace-object.ts';

type Policy = Filled<PublishedPolicy>;
type Binding = Filled<PublishedBinding>;
type Bound = BoundPolicy<Policy, Binding>;

/** One policy with one binding and one parameter object. */
interface Invocation {
  bound: Bound;
  binding: Binding;
  matched: RequestedResource;
  params: object | undefined;
}

function denied(a: AdmissionAttributes, { policy }: Bound, binding: Binding | undefined, why: string): StatusError {
  const message = `policy '${policy.metadata.name}'${binding ? ` with binding '${binding.metadata.name}'` : ''} denied request: ${why}`;
  const { status } = refuse(a, message);
  return new StatusError({ ...status, message, reason: 'Invalid', details: { ...status.details, causes: [{ message }] } });
}

/** Follows the policies from the moment it is made. */
export function mutatingPolicies(read: ObjectFeed, registry: ResourceRegistry): AdmissionPlugin {
  const index = new PolicyIndex<Policy, Binding>();
  void index.follow(read, mutatingAdmissionPolicies as never, mutatingAdmissionPolicyBindings as never);
  return {
    name: 'MutatingAdmissionPolicy',
    operations: ['CREATE', 'UPDATE', 'CONNECT'],
    mutate(a) {
      if (!index.bound.length || isExempt(a) || !a.object) return;
      return mutateAll(a);
    },
  };

  async function invocationsOf(a: AdmissionAttributes, bound: Bound, { others }: EquivalentVersions): Promise<Invocation[]> {
    const { policy, bindings } = bound;
    const matched = await matchResources(policy.spec.matchConstraints, a, others);
    if (!matched) return [];
    const fails = policy.spec.failurePolicy !== 'Ignore';
    try {
      if (policy.spec.paramKind) resourceOfKind(registry, policy.spec.paramKind);
    } catch (error) {
      if (!(error instanceof NoSuchKind)) throw error;
      if (fails) throw denied(a, bound, undefined, `failed to configure policy: ${error.message}`);
      return [];
    }
    const found: Invocation[] = [];
    for (const binding of bindings) {
      if (!(await matchResources(binding.spec.matchResources, a, others))) continue;
      try {
        for (const params of await parametersOf(a, policy.spec.paramKind, binding.spec.paramRef, registry)) found.push({ bound, binding, matched, params });
      } catch (error) {
        if (error instanceof StatusError || !(error instanceof Error)) throw error;
        if (fails) throw denied(a, bound, binding, `failed to configure binding: ${error.message}`);
      }
    }
    return found;
  }

  async function mutateAll(a: AdmissionAttributes): Promise<void> {
    const answers = new Map<string, AccessDecision>();
    const invocations: Invocation[] = [];
    const versions = new EquivalentVersions(a, registry);
    for (const bound of index.bound) invocations.push(...(await invocationsOf(a, bound, versions)));
    await inTurn(invocations, { ask: (one) => invoke(a, one, { answers, versions }), again: ({ bound }) => bound.policy.spec.reinvocationPolicy === 'IfNeeded' });
  }

  /** Whether the object was changed. */
  async function invoke(a: AdmissionAttributes, { bound, binding, matched, params }: Invocation, { answers, versions }: { answers: Map<string, AccessDecision>; versions: EquivalentVersions }): Promise<boolean> {
    const { compiled, policy } = bound;
    const ignores = policy.spec.failurePolicy === 'Ignore';
    let object: KubeObject = (await versions.shown(a.object, matched))!;
    const evaluation = new Evaluation(a, matched, compiled, { shown: { object, old: await versions.shown(a.old, matched) }, params, namespace: await namespaceOf(a), answers });
    const conditions = await evaluation.conditionsHold(compiled);
    if (!conditions.holds) return false;
    const fail = (why: string): void => {
      if (!ignores) throw denied(a, bound, binding, why);
    };
    if (conditions.error !== undefined) {
      fail(conditions.error);
      return false;
    }
    let changed = false;
    for (const { mutation, expression } of compiled.mutations) {
      if (!expression.program) {
        fail(expression.error ?? '');
        continue;
      }
      const result = await evaluation.run(expression.program);
      if (result.error !== undefined) {
        fail(`expression '${expression.source}' resulted in error: ${result.error}`);
        continue;
      }
      try {
        const made = mutation.patchType === 'JSONPatch' ? applyPatches(object, result.value) : applyConfiguration(versions.definitionOf(matched), object, result.value);
        if (equalJson(made, object)) continue;
        const back = await versions.back(made, matched);
        replaceObject(a, a.subresource ? back : settled(codecOf(a.resource), back));
        changed = true;
        object = (await versions.shown(a.object, matched))!;
        evaluation.refresh(object);
      } catch (error) {
        if (!(error instanceof PatchProblem)) throw error;
        fail(error.message);
      }
    }
    return changed;
  }
}
