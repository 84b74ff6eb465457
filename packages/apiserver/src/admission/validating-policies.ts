/** ValidatingAdmissionPolicy: objects are judged by expressions. Facts: apiserver/pkg/admission/plugin/policy/validating. */
import type { ValidatingAdmissionPolicy as PublishedPolicy, ValidatingAdmissionPolicyBinding as PublishedBinding } from '@pilothouse/api-schemas/types/admissionregistration/v1';
import { StatusError, validatingAdmissionPolicies, validatingAdmissionPolicyBindings } from '@pilothouse/apimachinery';
import { type AccessDecision, maxMessageBytes, type Value } from '@pilothouse/cel';
import type { AdmissionAttributes, AdmissionPlugin, ObjectFeed } from '../contract.ts';
import { EquivalentVersions } from '../policies/equivalent-versions.ts';
import { Evaluation } from '../policies/evaluation.ts';
import { isExempt, matchResources, namespaceOf, type RequestedResource } from '../policies/matching.ts';
import { type BoundPolicy, NoSuchKind, parametersOf, PolicyIndex, resourceOfKind } from '../policies/policy-index.ts';
import type { ResourceRegistry } from '../registry.ts';
import type { Filled } from '../resources/filled.ts';
import { refuse } from './refuse.ts';

type Policy = Filled<PublishedPolicy>;
type Binding = Filled<PublishedBinding>;
type Bound = BoundPolicy<Policy, Binding>;

/** Why a policy refuses. */
interface Denial {
  message: string;
  reason?: string;
  policy: string;
  binding?: string;
}

const codes: Record<string, number> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413, Invalid: 422 };

function denied(a: AdmissionAttributes, { message, reason = 'Invalid', policy, binding }: Denial): StatusError {
  const text = `ValidatingAdmissionPolicy '${policy}'${binding === undefined ? '' : ` with binding '${binding}'`} denied request: ${message}`;
  const { status } = refuse(a, text);
  return new StatusError({ ...status, reason, code: codes[reason] ?? 422, details: { ...status.details, causes: [{ message: text }] } });
}

const longestAnnotation = 10 * 1024;
const mostFailures = 50;

/** One request on its way through the policies. */
class Judgement {
  readonly denials: Denial[] = [];
  /** What bindings would have the audit log say. */
  readonly #failures: { message: string; policy: string; binding: string; expressionIndex: number; validationActions: readonly string[] }[] = [];
  readonly #a: AdmissionAttributes;
  readonly #registry: ResourceRegistry;
  readonly #versions: EquivalentVersions;
  readonly #answers = new Map<string, AccessDecision>();
  /** Annotations by key: what each binding says, once. */
  readonly #notes = new Map<string, Set<string>>();

  constructor(a: AdmissionAttributes, registry: ResourceRegistry) {
    this.#a = a;
    this.#registry = registry;
    this.#versions = new EquivalentVersions(a, registry);
  }

  async judge(bound: Bound): Promise<void> {
    const { policy, bindings } = bound;
    const { metadata: { name = '' }, spec } = policy;
    const fails = spec.failurePolicy !== 'Ignore';
    const matched = await matchResources(spec.matchConstraints, this.#a, this.#versions.others);
    if (!matched) return;
    try {
      if (spec.paramKind) resourceOfKind(this.#registry, spec.paramKind);
    } catch (error) {
      if (!(error instanceof NoSuchKind)) throw error;
      if (fails) this.denials.push({ policy: name, message: `failed to configure policy: ${error.message}` });
      return;
    }
    for (const binding of bindings) {
      if (!(await matchResources(binding.spec.matchResources, this.#a, this.#versions.others))) continue;
      try {
        for (const params of await parametersOf(this.#a, spec.paramKind, binding.spec.paramRef, this.#registry)) await this.#ask(bound, binding, matched, params);
      } catch (error) {
        if (error instanceof StatusError || !(error instanceof Error)) throw error;
        if (fails) this.denials.push({ policy: name, binding: binding.metadata.name, message: `failed to configure binding: ${error.message}` });
      }
    }
  }

  async #ask({ policy, compiled }: Bound, binding: Binding, matched: RequestedResource, params: object | undefined): Promise<void> {
    const { failurePolicy } = policy.spec;
    const shown = { object: await this.#versions.shown(this.#a.object, matched), old: await this.#versions.shown(this.#a.old, matched) };
    const evaluation = new Evaluation(this.#a, matched, compiled, { shown, params, namespace: await namespaceOf(this.#a), answers: this.#answers });
    const conditions = await evaluation.conditionsHold(compiled);
    if (!conditions.holds) return;
    if (conditions.error !== undefined) {
      if (failurePolicy !== 'Ignore') this.#found(policy, binding, 0, conditions.error);
      return;
    }
    for (const [i, { expression, message, validation }] of compiled.validations.entries()) {
      if (!expression.program) {
        if (failurePolicy !== 'Ignore') this.#found(policy, binding, i, expression.error ?? '');
        continue;
      }
      const result = await evaluation.run(expression.program);
      if (result.error !== undefined) {
        if (failurePolicy !== 'Ignore') this.#found(policy, binding, i, result.exhausted ? result.error : `expression '${expression.source}' resulted in error: ${result.error}`);
        if (result.exhausted) return;
        continue;
      }
      if (result.value === true) continue;
      const told = message?.program && (await evaluation.run(message.program));
      const text = told && told.error === undefined && typeof told.value === 'string' ? told.value.trim() : '';
      const useful = text && !text.includes('\n') && Buffer.byteLength(text) <= maxMessageBytes;
      this.#found(policy, binding, i, useful ? text : validation.message?.trim() || `failed expression: ${expression.source.trim()}`, validation.reason);
    }
    await this.#annotate(evaluation, policy, binding, compiled);
  }

  /** Annotations for the audit log: what fails to be made fails the request. */
  async #annotate(evaluation: Evaluation, policy: Policy, binding: Binding, compiled: Bound['compiled']): Promise<void> {
    for (const { key, expression } of compiled.annotations) {
      const result = expression.program ? await evaluation.run(expression.program) : { error: expression.error ?? '', exhausted: false };
      if (result.error === undefined) this.#note(`${policy.metadata.name}/${key}`, result.value);
      else if (policy.spec.failurePolicy !== 'Ignore') this.denials.push({ policy: policy.metadata.name ?? '', binding: binding.metadata.name ?? '', message: expression.program ? `expression '${expression.source}' resulted in error: ${result.error}` : result.error });
    }
  }

  #note(key: string, value: Value | undefined): void {
    const text = typeof value === 'string' ? value.trim().slice(0, longestAnnotation) : '';
    if (text) this.#notes.set(key, (this.#notes.get(key) ?? new Set()).add(text));
  }

  /** Puts what was found into the audit log. */
  publish(): void {
    for (const [key, texts] of this.#notes) this.#a.annotate(key, [...texts].join(', '));
    if (this.#failures.length) this.#a.annotate('validation.policy.admission.k8s.io/validation_failure', JSON.stringify(this.#failures.slice(0, mostFailures)));
  }

  #found({ metadata: { name: policy = '' } }: Policy, { metadata, spec }: Binding, expressionIndex: number, message: string, reason?: string): void {
    const actions = spec.validationActions ?? [];
    const binding = metadata.name ?? '';
    if (actions.includes('Deny')) this.denials.push({ policy, binding, message, ...(reason && { reason }) });
    if (actions.includes('Audit')) this.#failures.push({ message, policy, binding, expressionIndex, validationActions: actions });
    if (actions.includes('Warn')) this.#a.warn(`Validation failed for ValidatingAdmissionPolicy '${policy}' with binding '${binding}': ${message}`);
  }
}

/** Follows the policies from the moment it is made. */
export function validatingPolicies(read: ObjectFeed, registry: ResourceRegistry): AdmissionPlugin {
  const index = new PolicyIndex<Policy, Binding>();
  void index.follow(read, validatingAdmissionPolicies as never, validatingAdmissionPolicyBindings as never);
  return {
    name: 'ValidatingAdmissionPolicy',
    operations: ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'],
    validate(a) {
      if (!index.bound.length || isExempt(a)) return;
      return judge(a);
    },
  };

  async function judge(a: AdmissionAttributes): Promise<void> {
    const judgement = new Judgement(a, registry);
    for (const bound of index.bound) await judgement.judge(bound);
    judgement.publish();
    if (judgement.denials.length) throw denied(a, judgement.denials[0]);
  }
}
