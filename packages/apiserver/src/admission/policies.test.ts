import { configMaps as configMapType, mutatingAdmissionPolicies, mutatingAdmissionPolicyBindings, namespaces, validatingAdmissionPolicies, validatingAdmissionPolicyBindings } from '@pilothouse/apimachinery';
import { describe, expect, it } from 'vitest';
import { memoryObjects } from '../auth/testing.ts';
import type { AdmissionAttributes } from '../contract.ts';
import type { ResourceRegistry } from '../registry.ts';
import { configMaps } from '../resources/core/configmaps.ts';
import { mutatingPolicies } from './mutating-policies.ts';
import { type Attempt, attempt, run } from './testing.ts';
import { validatingPolicies } from './validating-policies.ts';

const served = { definition: configMaps, apiVersion: 'v1', kind: 'ConfigMap', stored: {} };
const registry = { all: () => [served] } as unknown as ResourceRegistry;
const matchConstraints = { matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {}, resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['configmaps'], scope: '*' }] };

function world() {
  const read = memoryObjects();
  read.put(namespaces, { metadata: { name: 'ns', labels: { env: 'prod' } } });
  const validating = validatingPolicies(read, registry);
  const mutating = mutatingPolicies(read, registry);
  const policy = (name: string, spec: object, binding: object = { validationActions: ['Deny'] }): void => {
    const mutates = 'mutations' in spec;
    read.put((mutates ? mutatingAdmissionPolicies : validatingAdmissionPolicies) as never, { metadata: { name }, spec: { failurePolicy: 'Fail', reinvocationPolicy: 'Never', matchConstraints, ...spec } } as never);
    read.put((mutates ? mutatingAdmissionPolicyBindings : validatingAdmissionPolicyBindings) as never, { metadata: { name: `${name}-b` }, spec: { policyName: name, ...(mutates ? {} : binding), ...('paramRef' in binding && { paramRef: binding.paramRef }) } } as never);
  };
  const create = async (data: Record<string, string> | undefined, more: Attempt = {}): Promise<string | Record<string, any>> => {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'ns' }, ...(data && { data }) };
    const a: AdmissionAttributes = attempt(configMapType, object, read, { resource: configMaps as AdmissionAttributes['resource'], ...more });
    try {
      await run(mutating, a);
      await run(validating, a);
      return a.object;
    } catch (error) {
      return (error as Error).message;
    }
  };
  return { read, policy, create };
}

describe('validating policies', () => {
  it('refuse what an expression finds wrong, in the words of its message', async () => {
    const { policy, create } = world();
    policy('p', { validations: [{ expression: "object.data.x != 'bad'", messageExpression: "'x is ' + string(object.data.x)" }] });
    expect(await create({ x: 'bad' })).toBe(`configmaps "a" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p-b' denied request: x is bad`);
    expect(await create({ x: 'good' })).toMatchObject({ data: { x: 'good' } });
    expect(await create(undefined)).toContain("expression 'object.data.x != 'bad'' resulted in error: no such key: data");
  });
  it('only warn where the binding says so', async () => {
    const { policy, create } = world();
    policy('p', { validations: [{ expression: 'false', message: 'hm' }], auditAnnotations: [{ key: 'name', valueExpression: "'is ' + string(object.metadata.name)" }, { key: 'no', valueExpression: 'null' }] }, { validationActions: ['Warn', 'Audit'] });
    const warnings: string[] = [];
    const annotations = new Map<string, string>();
    expect(await create({}, { warnings, annotations })).toMatchObject({ kind: 'ConfigMap' });
    expect(Object.fromEntries(annotations)).toEqual({ 'p/name': 'is a', 'validation.policy.admission.k8s.io/validation_failure': '[{"message":"hm","policy":"p","binding":"p-b","expressionIndex":0,"validationActions":["Warn","Audit"]}]' });
    expect(warnings).toEqual(["Validation failed for ValidatingAdmissionPolicy 'p' with binding 'p-b': hm"]);
  });
  it('ask authorizers, who may take their time', async () => {
    const { policy, create } = world();
    policy('p', { validations: [{ expression: "authorizer.group('').resource('secrets').check('get').allowed() && authorizer.requestResource.check('custom').allowed()", message: 'no' }] });
    expect(await create({}, { authorize: async ({ resource, verb }) => ({ decision: resource === 'secrets' || verb === 'custom' ? 'allow' : 'no-opinion' }) })).toMatchObject({ kind: 'ConfigMap' });
    expect(await create({})).toContain('denied request: no');
  });
  it('use variables, the namespace and parameters', async () => {
    const { policy, create, read } = world();
    policy('p', { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' }, variables: [{ name: 'max', expression: 'int(params.data.max)' }], validations: [{ expression: "size(object.data) <= variables.max || namespaceObject.metadata.labels.env != 'prod'", message: 'too many' }] }, { validationActions: ['Deny'], paramRef: { name: 'limit', parameterNotFoundAction: 'Deny' } });
    expect(await create({ a: '', b: '' })).toContain('failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction');
    read.put(configMapType, { metadata: { name: 'limit', namespace: 'ns' }, data: { max: '1' } });
    expect(await create({ a: '', b: '' })).toContain('too many');
    expect(await create({ a: '' })).toMatchObject({ data: { a: '' } });
  });
  it('are passed over where a condition does not hold', async () => {
    const { policy, create } = world();
    policy('p', { matchConditions: [{ name: 'c', expression: "request.userInfo.username != 'jane'" }], validations: [{ expression: 'false' }] });
    expect(await create({})).toMatchObject({ kind: 'ConfigMap' });
  });
});

describe('mutating policies', () => {
  it('apply configurations one on the other', async () => {
    const { policy, create } = world();
    const apply = (expression: string) => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } });
    policy('m', { mutations: [apply("Object{metadata: Object.metadata{labels: {'a': 'b'}}}"), apply("Object{data: {'seen': object.metadata.labels.a}}")] });
    expect(await create({ x: 'y' })).toMatchObject({ metadata: { labels: { a: 'b' } }, data: { x: 'y', seen: 'b' } });
  });
  it('patch', async () => {
    const { policy, create } = world();
    policy('m', { mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: "[JSONPatch{op: 'add', path: '/data/' + jsonpatch.escapeKey('a/b'), value: 'c'}]" } }] });
    expect(await create({ x: 'y' })).toMatchObject({ data: { x: 'y', 'a/b': 'c' } });
    expect(await create(undefined)).toBe(`policy 'm' with binding 'm-b' denied request: JSON Patch: add operation does not apply: doc is missing path: "/data/a~1b": missing value`);
  });
});
