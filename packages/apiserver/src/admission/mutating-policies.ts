/** MutatingAdmissionPolicy: objects are changed by expressions. Facts: apiserver/pkg/admission/plugin/policy/mutating. */
import type { MutatingAdmissionPolicy as PublishedPolicy, MutatingAdmissionPolicyBinding as PublishedBinding } from '@pilothouse/api-schemas/types/admissionregistration/v1';
import { equalJson, mutatingAdmissionPolicies, mutatingAdmissionPolicyBindings, StatusError } from '@pilothouse/apimachinery';
import type { AccessDecision } from '@pilothouse/cel';
import type { AdmissionAttributes, AdmissionPlugin, ObjectFeed } from '../contract.ts';
import { codecOf } from '../objects/codec.ts';
import { Evaluation } from '../policies/evaluation.ts';
import { isExempt, matchResources, namespaceOf, type RequestedResource } from '../policies/matching.ts';
import { applyConfiguration, applyPatches, PatchProblem } from '../policies/patches.ts';
import { type BoundPolicy, NoSuchKind, parametersOf, PolicyIndex, resourceOfKind, versionsOf } from '../policies/policy-index.ts';
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

  async function invocationsOf(a: AdmissionAttributes, bound: Bound): Promise<Invocation[]> {
    const { policy, bindings } = bound;
    const versions = versionsOf(a, registry);
    const matched = await matchResources(policy.spec.matchConstraints, a, versions);
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
      if (!(await matchResources(binding.spec.matchResources, a, versions))) continue;
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
    for (const bound of index.bound) invocations.push(...(await invocationsOf(a, bound)));
    await inTurn(invocations, { ask: (one) => invoke(a, one, answers), again: ({ bound }) => bound.policy.spec.reinvocationPolicy === 'IfNeeded' });
  }

  /** Whether the object was changed. */
  async function invoke(a: AdmissionAttributes, { bound, binding, matched, params }: Invocation, answers: Map<string, AccessDecision>): Promise<boolean> {
    const { compiled, policy } = bound;
    const ignores = policy.spec.failurePolicy === 'Ignore';
    const evaluation = new Evaluation(a, matched, compiled, { params, namespace: await namespaceOf(a), answers });
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
        const made = mutation.patchType === 'JSONPatch' ? applyPatches(a.object, result.value) : applyConfiguration(a.resource, a.object, result.value);
        if (equalJson(made, a.object)) continue;
        replaceObject(a.object, a.subresource ? made : settled(codecOf(a.resource), made));
        changed = true;
        evaluation.refresh();
      } catch (error) {
        if (!(error instanceof PatchProblem)) throw error;
        fail(error.message);
      }
    }
    return changed;
  }
}
