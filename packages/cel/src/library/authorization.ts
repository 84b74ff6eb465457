/** `authorizer`: asking whether a user may. */
import { nameIsDnsLabel, nameIsDnsSubdomain } from '@pilothouse/apimachinery';
import { declare, type Library, member } from '../check/declarations.ts';
import { CelError } from '../eval/errors.ts';
import type { Opaque, Value } from '../eval/values.ts';
import { boolType, stringType, structOf, type Type } from '../types.ts';

const typeNamed = (name: string): Type => structOf(`kubernetes.authorization.${name}`);
export const authorizerType = typeNamed('Authorizer');
const pathCheckType = typeNamed('PathCheck');
const groupCheckType = typeNamed('GroupCheck');
export const resourceCheckType = typeNamed('ResourceCheck');
const decisionType = typeNamed('Decision');

/** What is asked; a service account in place of the user of the request where named. */
export type AccessQuestion = { verb: string; serviceAccount?: { namespace: string; name: string } } & (
  | { path: string }
  | { group: string; resource: string; subresource: string; namespace: string; name: string; fieldSelector: string; labelSelector: string }
);
export interface AccessDecision {
  allowed: boolean;
  reason: string;
  error?: string;
}
/** Answers at once: expressions do not wait. */
export type Authorize = (question: AccessQuestion) => AccessDecision;

abstract class Receiver implements Opaque {
  abstract readonly celType: Type;
  equals(other: Opaque): boolean {
    return this === other;
  }
}
export class AuthorizerValue extends Receiver {
  readonly celType = authorizerType;
  readonly ask: Authorize;
  readonly serviceAccount: { namespace: string; name: string } | undefined;
  constructor(ask: Authorize, serviceAccount?: { namespace: string; name: string }) {
    super();
    this.ask = ask;
    this.serviceAccount = serviceAccount;
  }
  decide(question: AccessQuestion): Decision {
    return new Decision(this.ask({ ...question, ...(this.serviceAccount && { serviceAccount: this.serviceAccount }) }));
  }
}
class PathCheck extends Receiver {
  readonly celType = pathCheckType;
  readonly authorizer: AuthorizerValue;
  readonly path: string;
  constructor(authorizer: AuthorizerValue, path: string) {
    super();
    this.authorizer = authorizer;
    this.path = path;
  }
}
class GroupCheck extends Receiver {
  readonly celType = groupCheckType;
  readonly authorizer: AuthorizerValue;
  readonly group: string;
  constructor(authorizer: AuthorizerValue, group: string) {
    super();
    this.authorizer = authorizer;
    this.group = group;
  }
}
interface ResourceAttributes {
  group: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  fieldSelector: string;
  labelSelector: string;
}
/** `authorizer.group(…).resource(…)`, and `authorizer.requestResource`. */
export class ResourceCheck extends Receiver {
  readonly celType = resourceCheckType;
  readonly authorizer: AuthorizerValue;
  readonly attributes: ResourceAttributes;
  constructor(authorizer: AuthorizerValue, attributes: Partial<ResourceAttributes>) {
    super();
    this.authorizer = authorizer;
    this.attributes = { group: '', resource: '', subresource: '', namespace: '', name: '', fieldSelector: '', labelSelector: '', ...attributes };
  }
  with(attributes: Partial<ResourceAttributes>): ResourceCheck {
    return new ResourceCheck(this.authorizer, { ...this.attributes, ...attributes });
  }
}
class Decision extends Receiver {
  readonly celType = decisionType;
  readonly answer: AccessDecision;
  constructor(answer: AccessDecision) {
    super();
    this.answer = answer;
  }
}

function nonEmpty(text: string, what: string): string {
  if (!text.trim()) throw new CelError(`${what} must not be empty`);
  return text;
}
const narrowed = (name: string, id: string, key: keyof ResourceAttributes) => declare(name, member(id, [resourceCheckType, stringType], resourceCheckType, (check: ResourceCheck, value: string): Value => check.with({ [key]: value })));
const answered = (name: string, type: Type, of: (answer: AccessDecision) => Value) => declare(name, member(`decision_${name}`, [decisionType], type, ({ answer }: Decision) => of(answer)));

export const authorizationLibrary: Library = {
  functions: [
    declare('path', member('authorizer_path', [authorizerType, stringType], pathCheckType, (authorizer: AuthorizerValue, path: string) => new PathCheck(authorizer, nonEmpty(path, 'path')))),
    declare('group', member('authorizer_group', [authorizerType, stringType], groupCheckType, (authorizer: AuthorizerValue, group: string) => new GroupCheck(authorizer, group))),
    declare(
      'serviceAccount',
      member('authorizer_serviceaccount', [authorizerType, stringType, stringType], authorizerType, (authorizer: AuthorizerValue, namespace: string, name: string) => {
        if (nameIsDnsSubdomain(name).length) throw new CelError('Invalid service account name');
        if (nameIsDnsLabel(namespace).length) throw new CelError('Invalid service account namespace');
        return new AuthorizerValue(authorizer.ask, { namespace, name });
      }),
    ),
    declare('resource', member('groupcheck_resource', [groupCheckType, stringType], resourceCheckType, ({ authorizer, group }: GroupCheck, resource: string) => new ResourceCheck(authorizer, { group, resource: nonEmpty(resource, 'resource') }))),
    narrowed('subresource', 'resourcecheck_subresource', 'subresource'),
    narrowed('namespace', 'resourcecheck_namespace', 'namespace'),
    narrowed('name', 'resourcecheck_name', 'name'),
    narrowed('fieldSelector', 'authorizer_fieldselector', 'fieldSelector'),
    narrowed('labelSelector', 'authorizer_labelselector', 'labelSelector'),
    declare('check', member('pathcheck_check', [pathCheckType, stringType], decisionType, ({ authorizer, path }: PathCheck, verb: string) => authorizer.decide({ verb, path })), member('resourcecheck_check', [resourceCheckType, stringType], decisionType, ({ authorizer, attributes }: ResourceCheck, verb: string) => authorizer.decide({ verb, ...attributes }))),
    answered('errored', boolType, ({ error }) => error !== undefined),
    answered('error', stringType, ({ error }) => error ?? ''),
    answered('allowed', boolType, ({ allowed }) => allowed),
    answered('reason', stringType, ({ reason }) => reason),
  ],
};
