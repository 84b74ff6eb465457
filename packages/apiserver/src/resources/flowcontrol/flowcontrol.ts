/** Who may ask how much of the API server at once: flow schemas and their priority levels. */
import { dns1123Label, dns1123Subdomain, duplicate, type FieldError, flowSchemas as schemaType, forbidden, invalid, type KubeObject, nameIsDnsSubdomain, notSupported, priorityLevelConfigurations as levelType, required } from '@pilothouse/apimachinery';
import type {
  ExemptPriorityLevelConfiguration,
  FlowSchema as PublishedSchema,
  LimitedPriorityLevelConfiguration,
  LimitResponse,
  NonResourcePolicyRule,
  PriorityLevelConfiguration as PublishedLevel,
  QueuingConfiguration,
  ResourcePolicyRule,
  Subject,
} from '@pilothouse/api-schemas/types/flowcontrol/v1';
import type { WriteContext } from '../../contract.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { same } from '../validation/equality.ts';
import { checkName } from '../validation/check-name.ts';
import { internalForm } from '../validation/internal-form.ts';
import { keepMetaOnStatus, wholeAndChange } from '../validation/object-meta.ts';

type FlowSchema = Filled<PublishedSchema>;
type PriorityLevel = Filled<PublishedLevel>;

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];

function validateVerbs(errors: FieldError[], given: readonly string[], path: string): void {
  if (!given.length) errors.push(required(path, 'verbs must contain at least one value'));
  else if (given.includes('*')) {
    if (given.length > 1) errors.push(invalid(path, given, "if '*' is present, must not specify other verbs"));
  } else if (given.some((verb) => !verbs.includes(verb))) errors.push(notSupported(path, given, verbs));
}

function problemOfUrlPath(path: string): string | undefined {
  if (!path) return 'must not be empty';
  if (path === '/') return undefined;
  if (!path.startsWith('/')) return 'must start with slash';
  if (path.includes(' ')) return 'must not contain white-space';
  if (path.includes('//')) return 'must not contain double slash';
  const star = path.indexOf('*');
  return star >= 0 && (star !== path.length - 1 || !path.endsWith('/*')) ? 'wildcard can only do suffix matching' : undefined;
}

function validateNonResourceRule(errors: FieldError[], rule: NonResourcePolicyRule, path: string): void {
  validateVerbs(errors, rule.verbs ?? [], `${path}.verbs`);
  const urls = rule.nonResourceURLs ?? [];
  if (!urls.length) errors.push(required(`${path}.nonResourceURLs`, 'nonResourceURLs must contain at least one value'));
  else if (urls.includes('*')) {
    if (urls.length > 1) errors.push(invalid(`${path}.nonResourceURLs`, urls, "if '*' is present, must not specify other non-resource URLs"));
  } else
    urls.forEach((url, i) => {
      const problem = problemOfUrlPath(url);
      if (problem) errors.push(invalid(`${path}.nonResourceURLs[${i}]`, url, problem));
    });
}

function validateAlone(errors: FieldError[], values: readonly string[], path: string, what: string, missing: string): void {
  if (!values.length) errors.push(required(path, missing));
  else if (values.length > 1 && values.includes('*')) errors.push(invalid(path, values, `if '*' is present, must not specify other ${what}`));
}

function validateResourceRule(errors: FieldError[], rule: ResourcePolicyRule, path: string): void {
  validateVerbs(errors, rule.verbs ?? [], `${path}.verbs`);
  validateAlone(errors, rule.apiGroups ?? [], `${path}.apiGroups`, 'api groups', 'resource rules must supply at least one api group');
  validateAlone(errors, rule.resources ?? [], `${path}.resources`, 'resources', 'resource rules must supply at least one resource');
  const namespaces = rule.namespaces ?? [];
  const at = `${path}.namespaces`;
  if (!namespaces.length && !rule.clusterScope) errors.push(required(at, 'resource rules that are not cluster scoped must supply at least one namespace'));
  else if (namespaces.includes('*')) {
    if (namespaces.length > 1) errors.push(invalid(at, namespaces, "if '*' is present, must not specify other namespaces"));
  } else
    namespaces.forEach((name, i) => {
      for (const message of dns1123Label(name)) errors.push(invalid(`${at}[${i}]`, name, `each member of this list must be '*' or a DNS-1123 label; ${message}`));
    });
}

const subjectFields = { Group: 'group', ServiceAccount: 'serviceAccount', User: 'user' } as const;
type SubjectKind = keyof typeof subjectFields;

function validateSubject(errors: FieldError[], subject: Subject, path: string): void {
  if (!Object.hasOwn(subjectFields, subject.kind)) return void errors.push(notSupported(`${path}.kind`, subject.kind, Object.keys(subjectFields)));
  const field = subjectFields[subject.kind as SubjectKind];
  const given = subject[field];
  if (!given) errors.push(required(`${path}.${field}`, `${field} is required when subject kind is '${subject.kind}'`));
  else {
    const { name } = given;
    if (!name) errors.push(required(`${path}.${field}.name`));
    else if (field === 'serviceAccount' && name !== '*') checkName(errors, `${path}.${field}.name`, name, dns1123Subdomain);
    if (field === 'serviceAccount') {
      const namespace = subject.serviceAccount!.namespace;
      if (!namespace) errors.push(required(`${path}.${field}.namespace`, 'must specify namespace for service account'));
      else checkName(errors, `${path}.${field}.namespace`, namespace, dns1123Label);
    }
  }
  for (const kind of ['ServiceAccount', 'User', 'Group'] as const) {
    const other = subjectFields[kind];
    if (kind !== subject.kind && subject[other]) errors.push(forbidden(`${path}.${other}`, `${other} is forbidden when subject kind is not '${kind}'`));
  }
}

const highestPrecedence = 10000;
const distinguishers = ['ByNamespace', 'ByUser'];

function validateConditions(errors: FieldError[], conditions: readonly { type?: string }[] | undefined): void {
  conditions?.forEach(({ type = '' }, i) => {
    if (conditions.findIndex((other) => (other.type ?? '') === type) < i) errors.push(duplicate(`status.conditions[${i}].type`, type));
    if (!type) errors.push(required(`status.conditions[${i}].type`));
  });
}

function validateFlowSchema(errors: FieldError[], { metadata, spec, status }: FlowSchema): void {
  const precedence = spec.matchingPrecedence ?? 0;
  const at = 'spec.matchingPrecedence';
  if (precedence <= 0) errors.push(invalid(at, precedence, 'must be a positive value'));
  if (precedence > highestPrecedence) errors.push(invalid(at, precedence, `must not be greater than ${highestPrecedence}`));
  if (precedence === 1 && metadata.name !== 'exempt') errors.push(invalid(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1"));
  const method = spec.distinguisherMethod;
  if (method && !distinguishers.includes(method.type)) errors.push(notSupported('spec.distinguisherMethod.type', internalForm('flowcontrol/v1.FlowDistinguisherMethod', method), distinguishers));
  const level = spec.priorityLevelConfiguration.name;
  if (!level) errors.push(required('spec.priorityLevelConfiguration.name', 'must reference a priority level'));
  else checkName(errors, 'spec.priorityLevelConfiguration.name', level, dns1123Subdomain);
  spec.rules?.forEach((rule, i) => {
    const path = `spec.rules[${i}]`;
    if (!rule.subjects?.length) errors.push(required(`${path}.subjects`, 'subjects must contain at least one value'));
    rule.subjects?.forEach((subject, j) => validateSubject(errors, subject, `${path}.subjects[${j}]`));
    if (!rule.resourceRules?.length && !rule.nonResourceRules?.length) errors.push(required(path, 'at least one of resourceRules and nonResourceRules has to be non-empty'));
    rule.resourceRules?.forEach((inner, j) => validateResourceRule(errors, inner, `${path}.resourceRules[${j}]`));
    rule.nonResourceRules?.forEach((inner, j) => validateNonResourceRule(errors, inner, `${path}.nonResourceRules[${j}]`));
  });
  if (metadata.name !== undefined && metadata.name in mandatorySchemas && !same(spec, mandatorySchemas[metadata.name])) errors.push(invalid('spec', internalForm('flowcontrol/v1.FlowSchemaSpec', spec), `spec of '${metadata.name}' must equal the fixed value`));
  validateConditions(errors, status.conditions);
}

const everything = { resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }] };
const groups = (...names: string[]) => names.map((name) => ({ kind: 'Group', group: { name } }));

/** What the server cannot do without. */
const mandatorySchemas: Record<string, FlowSchema['spec']> = {
  exempt: { priorityLevelConfiguration: { name: 'exempt' }, matchingPrecedence: 1, rules: [{ subjects: groups('system:masters'), ...everything }] },
  'catch-all': { priorityLevelConfiguration: { name: 'catch-all' }, matchingPrecedence: 10000, distinguisherMethod: { type: 'ByUser' }, rules: [{ subjects: groups('system:unauthenticated', 'system:authenticated'), ...everything }] },
};

const catchAllLevel: PriorityLevel['spec'] = { type: 'Limited', limited: { nominalConcurrencyShares: 5, limitResponse: { type: 'Reject' }, lendablePercent: 0 } };

function validateMandatoryLevel(errors: FieldError[], { metadata, spec }: PriorityLevel): void {
  const { exempt: _, ...rest } = spec;
  if (metadata.name === 'exempt' && !same(rest, { type: 'Exempt' })) errors.push(invalid('spec', internalForm('flowcontrol/v1.PriorityLevelConfigurationSpec', spec), "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value"));
  if (metadata.name === 'catch-all' && !same(spec, catchAllLevel)) errors.push(invalid('spec', internalForm('flowcontrol/v1.PriorityLevelConfigurationSpec', spec), "spec of 'catch-all' must equal the fixed value"));
}

const hashBits = 60;
const mostQueues = 10_000_000;

/** How many bits upstream reckons it takes to deal a hand out of a deck: as if each card went back. */
const entropyBits = (deck: number, hand: number): number => Math.ceil(Math.log2(deck) * hand);

function validateQueuing(errors: FieldError[], { queueLengthLimit = 0, queues = 0, handSize = 0 }: QueuingConfiguration, path: string): void {
  if (queueLengthLimit <= 0) errors.push(invalid(`${path}.queueLengthLimit`, queueLengthLimit, 'must be positive'));
  if (queues <= 0) errors.push(invalid(`${path}.queues`, queues, 'must be positive'));
  else if (queues > mostQueues) errors.push(invalid(`${path}.queues`, queues, `must not be greater than ${mostQueues}`));
  if (handSize <= 0) errors.push(invalid(`${path}.handSize`, handSize, 'must be positive'));
  else if (handSize > queues) errors.push(invalid(`${path}.handSize`, handSize, `should not be greater than queues (${queues})`));
  else if (entropyBits(queues, handSize) > hashBits) errors.push(invalid(`${path}.handSize`, handSize, `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${hashBits}`));
}

function validateLimitResponse(errors: FieldError[], { type, queuing }: LimitResponse, path: string): void {
  if (type === 'Reject') {
    if (queuing) errors.push(forbidden(`${path}.queuing`, 'must be nil if limited.limitResponse.type is not Limited'));
  } else if (type === 'Queue') {
    if (!queuing) errors.push(required(`${path}.queuing`, 'must not be empty if limited.limitResponse.type is Limited'));
    else validateQueuing(errors, queuing, `${path}.queuing`);
  } else errors.push(notSupported(`${path}.type`, type, ['Queue', 'Reject']));
}

function validateShares(errors: FieldError[], config: LimitedPriorityLevelConfiguration | ExemptPriorityLevelConfiguration, path: string): void {
  const { nominalConcurrencyShares: shares, lendablePercent: lendable } = config;
  if (shares !== undefined && shares < 0) errors.push(invalid(`${path}.nominalConcurrencyShares`, shares, 'must be a non-negative integer'));
  if ('limitResponse' in config) validateLimitResponse(errors, config.limitResponse!, `${path}.limitResponse`);
  if (lendable !== undefined && (lendable < 0 || lendable > 100)) errors.push(invalid(`${path}.lendablePercent`, lendable, 'must be between 0 and 100, inclusive'));
  const borrowing = 'borrowingLimitPercent' in config ? config.borrowingLimitPercent : undefined;
  if (borrowing !== undefined && borrowing < 0) errors.push(invalid(`${path}.borrowingLimitPercent`, borrowing, 'if specified, must be a non-negative integer'));
}

const zeroSharesKey = 'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares';

function validateLevel(errors: FieldError[], { metadata, spec, status }: PriorityLevel): void {
  if (metadata.annotations?.[zeroSharesKey] !== undefined) errors.push(forbidden('metadata.annotations', `annotation '${zeroSharesKey}' is forbidden`));
  if ((metadata.name === 'exempt') !== (spec.type === 'Exempt')) errors.push(invalid('spec.type', spec.type, "must be 'Exempt' if and only if `name` is 'exempt'"));
  if (spec.type === 'Exempt') {
    if (spec.limited) errors.push(forbidden('spec.limited', 'must be nil if the type is not Limited'));
    if (spec.exempt) validateShares(errors, spec.exempt, 'spec.exempt');
  } else if (spec.type === 'Limited') {
    if (spec.exempt) errors.push(forbidden('spec.exempt', 'must be nil if the type is Limited'));
    if (!spec.limited) errors.push(required('spec.limited', 'must not be empty when type is Limited'));
    else validateShares(errors, spec.limited, 'spec.limited');
  } else errors.push(notSupported('spec.type', spec.type, ['Exempt', 'Limited']));
  validateMandatoryLevel(errors, { metadata, spec, status });
  validateConditions(errors, status.conditions);
}

const clusterWide = { name: nameIsDnsSubdomain, namespaced: false };
/** A changed object is judged as a new one, and by nothing else. */
const judged = <T extends KubeObject>(whole: (errors: FieldError[], object: T) => void) => wholeAndChange<T>(clusterWide, { whole, change: () => {} });
const prepareForUpdate = (object: KubeObject, old: KubeObject, { subresource }: WriteContext): void => {
  if (subresource === 'status') keepMetaOnStatus(object, old);
};
const validateStatusUpdate = ({ status }: FlowSchema | PriorityLevel): FieldError[] => {
  const errors: FieldError[] = [];
  validateConditions(errors, status.conditions);
  return errors;
};

export const flowSchemas = defineResource<any>(schemaType, {
  strategy: {
    generation: true,
    defaults({ spec }: FlowSchema) {
      spec.matchingPrecedence ||= 1000;
    },
    prepareForUpdate,
    ...judged<FlowSchema>(validateFlowSchema),
    validateStatusUpdate,
  },
});

export const priorityLevelConfigurations = defineResource<any>(levelType, {
  strategy: {
    generation: true,
    defaults({ spec }: PriorityLevel) {
      if (spec.exempt) {
        spec.exempt.nominalConcurrencyShares ??= 0;
        spec.exempt.lendablePercent ??= 0;
      }
      if (!spec.limited) return;
      spec.limited.nominalConcurrencyShares ??= 30;
      spec.limited.lendablePercent ??= 0;
      const queuing = spec.limited.limitResponse?.queuing;
      if (!queuing) return;
      queuing.handSize ||= 8;
      queuing.queues ||= 64;
      queuing.queueLengthLimit ||= 50;
    },
    prepareForUpdate,
    ...judged<PriorityLevel>(validateLevel),
    validateStatusUpdate,
  },
});
