/** Expressions asked about one request. Expressions do not wait: what they ask of authorizers is answered, and they are asked again. */
import type { Namespace } from '@pilothouse/api-schemas/types/core/v1';
import { type AccessDecision, type AccessQuestion, type Activation, adaptDynamic, adapterOf, AuthorizerValue, CelError, type CompiledPolicy, MapValue, namespaceSchema, type Outcome, perCallLimit, PolicyVariables, type Program, requestSchema, ResourceCheck, runTimeBudget, structOf, type Value } from '@pilothouse/cel';
import { serviceAccountGroups, serviceAccountUserName } from '../auth/names.ts';
import type { AdmissionAttributes, RequestAttributes, User } from '../contract.ts';
import { isOwnKind } from './equivalent-versions.ts';
import type { RequestedResource } from './matching.ts';

/** The answer to a question is not known yet. Nothing in a program catches it. */
class Unanswered {
  readonly question: AccessQuestion;
  readonly key: string;
  constructor(question: AccessQuestion, key: string) {
    this.question = question;
    this.key = key;
  }
}

const requestAdapter = adapterOf(requestSchema);
const namespaceAdapter = adapterOf(namespaceSchema);

const kindParts = (object: { apiVersion?: string; kind?: string } | undefined, { resource: { type } }: AdmissionAttributes) => {
  const [group, version] = object?.apiVersion?.includes('/') ? object.apiVersion.split('/') : object?.apiVersion ? ['', object.apiVersion] : [type.group, type.version];
  return { group, version, kind: object?.kind ?? type.kind };
};

/** Without what is empty. */
const present = <T extends object>(object: T): Partial<T> => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined && value !== '' && !(Array.isArray(value) && !value.length))) as Partial<T>;

/** The request as AdmissionReview tells of it. */
export function admissionRequest(a: AdmissionAttributes, matched: RequestedResource) {
  const { type } = a.resource;
  const kind = kindParts(a.object ?? a.old, a);
  const { name, uid, groups, extra } = a.user;
  return {
    kind: isOwnKind(a, a.object ?? a.old) ? { ...kind, group: matched.group, version: matched.version } : kind,
    resource: { group: matched.group, version: matched.version, resource: matched.plural },
    requestKind: kind,
    requestResource: { group: type.group, version: type.version, resource: type.plural },
    ...present({ subResource: a.subresource, requestSubResource: a.subresource, name: a.name, namespace: a.namespace }),
    operation: a.operation,
    userInfo: present({ username: name, uid, groups, extra }),
    dryRun: a.dryRun,
    options: a.options,
  };
}

const shownNamespace = ({ metadata, spec, status }: Namespace) => ({
  metadata: { ...metadata, UID: metadata.uid, labels: metadata.labels ?? {}, annotations: metadata.annotations ?? {} },
  spec: spec ?? {},
  status: status ?? {},
});

/** Variables of the policy: each is computed when it is first asked for. */
class LazyVariables extends MapValue {
  override readonly celType = structOf(PolicyVariables.typeName);
  readonly #compute: ReadonlyMap<string, () => Value>;
  readonly #known = new Map<string, Value | CelError>();
  constructor(compute: ReadonlyMap<string, () => Value>) {
    super();
    this.#compute = compute;
  }
  get size(): number {
    return this.#compute.size;
  }
  keys(): Iterable<Value> {
    return this.#compute.keys();
  }
  find(key: Value): Value | undefined {
    const compute = this.#compute.get(key as string);
    if (!compute) return undefined;
    let known = this.#known.get(key as string);
    if (known === undefined) {
      try {
        known = compute();
      } catch (error) {
        if (!(error instanceof CelError)) throw error;
        known = new CelError(`composited variable ${JSON.stringify(key)} fails to evaluate: ${error.message}`);
      }
      this.#known.set(key as string, known);
    }
    if (known instanceof CelError) throw known;
    return known;
  }
}

/** What an expression gave, and why not. */
export type Result = { value: Value; error?: undefined } | { value?: undefined; error: string; exhausted: boolean };

/** The objects as the version has them by which the request was matched. */
export interface ShownObjects {
  object: object | undefined;
  old: object | undefined;
}

/** Asks a policy's expressions about one request, with one parameter object. */
export class Evaluation {
  readonly #a: AdmissionAttributes;
  readonly #answers: Map<string, AccessDecision>;
  readonly #variables: CompiledPolicy['variables'];
  readonly #fixed: Record<string, Value>;
  #object: object | undefined;
  #budget = runTimeBudget;
  #activation: Activation | undefined;

  constructor(a: AdmissionAttributes, matched: RequestedResource, policy: CompiledPolicy, { shown, params, namespace, answers }: { shown: ShownObjects; params: object | undefined; namespace: Namespace | undefined; answers: Map<string, AccessDecision> }) {
    this.#a = a;
    this.#answers = answers;
    this.#variables = policy.variables;
    this.#object = shown.object;
    const authorizer = new AuthorizerValue((question) => this.#answer(question));
    const { type } = a.resource;
    this.#fixed = {
      oldObject: adaptDynamic(shown.old ?? null),
      params: adaptDynamic(params ?? null),
      namespaceObject: namespace ? namespaceAdapter(shownNamespace(namespace)) : null,
      request: requestAdapter(admissionRequest(a, matched)),
      authorizer,
      'authorizer.requestResource': new ResourceCheck(authorizer, { group: type.group, resource: type.plural, subresource: a.subresource, namespace: a.namespace, name: a.name }),
    };
  }

  /** The object was changed: its variables are computed anew. */
  refresh(object: object): void {
    this.#object = object;
    this.#activation = undefined;
  }

  #variablesNow(): Activation {
    if (this.#activation) return this.#activation;
    const activation: Record<string, Value> = { ...this.#fixed, object: adaptDynamic(this.#object ?? null) };
    const compute = new Map(
      this.#variables.map(({ name, expression: { program, error } }) => [
        name,
        (): Value => {
          if (!program) throw new CelError(error ?? 'not compiled');
          const outcome = program.run(activation, Math.min(perCallLimit, this.#budget));
          this.#budget -= outcome.cost;
          if (outcome.error !== undefined) throw new CelError(outcome.error);
          return outcome.value;
        },
      ]),
    );
    if (compute.size) activation.variables = new LazyVariables(compute);
    return (this.#activation = activation);
  }

  #answer(question: AccessQuestion): AccessDecision {
    const key = JSON.stringify(question);
    const known = this.#answers.get(key);
    if (!known) throw new Unanswered(question, key);
    return known;
  }

  async run(program: Program): Promise<Result> {
    for (;;) {
      let outcome: Outcome;
      try {
        outcome = program.run(this.#variablesNow(), perCallLimit);
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        this.#answers.set(error.key, await this.#decide(error.question));
        continue;
      }
      this.#budget -= outcome.cost;
      if (this.#budget < 0) return { error: 'validation failed due to running out of cost budget, no further validation rules will be run', exhausted: true };
      return outcome.error === undefined ? { value: outcome.value } : { error: outcome.error, exhausted: outcome.exceeded };
    }
  }

  async #decide(question: AccessQuestion): Promise<AccessDecision> {
    const { serviceAccount, verb } = question;
    const user: User = serviceAccount ? { name: serviceAccountUserName(serviceAccount.namespace, serviceAccount.name), groups: serviceAccountGroups(serviceAccount.namespace) } : this.#a.user;
    const nothing = { group: '', version: '', resource: '', subresource: '', namespace: '', name: '' };
    const attributes: RequestAttributes =
      'path' in question
        ? { ...nothing, user, verb, isResource: false, path: question.path }
        : { user, verb, isResource: true, path: '', group: question.group, version: '*', resource: question.resource, subresource: question.subresource, namespace: question.namespace, name: question.name, ...(question.fieldSelector && { fieldSelector: question.fieldSelector }), ...(question.labelSelector && { labelSelector: question.labelSelector }) };
    try {
      const { decision, reason = '' } = await this.#a.authorize(attributes);
      return { allowed: decision === 'allow', reason };
    } catch (error) {
      return { allowed: false, reason: '', error: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Whether the policy's conditions let it be asked. */
  async conditionsHold(policy: CompiledPolicy): Promise<{ holds: boolean; error?: string }> {
    const errors: string[] = [];
    for (const { expression } of policy.conditions) {
      const result: Result = expression.program ? await this.run(expression.program) : { error: expression.error ?? '', exhausted: false };
      if (result.error !== undefined) errors.push(expression.program ? `expression '${expression.source}' resulted in error: ${result.error}` : result.error);
      else if (result.value === false) return { holds: false };
    }
    return errors.length ? { holds: true, error: errors.length === 1 ? errors[0] : `[${errors.join(', ')}]` } : { holds: true };
  }
}
