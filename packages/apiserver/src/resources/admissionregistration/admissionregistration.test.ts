import { describe, expect, test } from 'vitest';
import { rulesOf } from '../testing.ts';

const group = 'admissionregistration.k8s.io';

describe('webhook configurations', () => {
  const { create, update, warnings } = rulesOf(group, 'validatingwebhookconfigurations');
  const hook = { name: 'a.b.c', sideEffects: 'None', admissionReviewVersions: ['v1'], clientConfig: { url: 'https://a' } };
  const hooks = (...list: object[]) => ({ webhooks: list.map((one) => ({ ...hook, ...one })) });
  const at = 'webhooks[0]';
  test.each([
    [{ clientConfig: { service: { name: '', namespace: 'n', port: 0 } } }, [`${at}.clientConfig.service.namespace: Required value`, `${at}.clientConfig.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive`]],
    [{ clientConfig: { service: { name: 'n', namespace: '' } } }, [`${at}.clientConfig.service.name: Required value`]],
    [{ clientConfig: {} }, [`${at}.clientConfig: Required value: exactly one of url or service is required`]],
    [{ clientConfig: { url: 'http://u@/p?q#f' } }, [
      `${at}.clientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]`,
      `${at}.clientConfig.url: Invalid value: "": host must be specified; desired format: https://host[/path]`,
      `${at}.clientConfig.url: Invalid value: "u": user information is not permitted in the URL`,
      `${at}.clientConfig.url: Invalid value: "f": fragments are not permitted in the URL`,
      `${at}.clientConfig.url: Invalid value: "q": query parameters are not permitted in the URL`,
    ]],
    [{ sideEffects: 'Some' }, [`${at}.sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"`]],
    [{ timeoutSeconds: 31 }, [`${at}.timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds`]],
    [{ admissionReviewVersions: ['v2', 'v2'] }, [`${at}.admissionReviewVersions[1]: Invalid value: "v2": duplicate version`, `${at}.admissionReviewVersions: Invalid value: ["v2","v2"]: must include at least one of v1, v1beta1`]],
    [{ rules: [{ operations: ['*', 'CREATE'], apiGroups: ['*', 'a'], apiVersions: [''], resources: ['a/*', 'a/b', '*/*', '*', 'c'], scope: 'x' }] }, [
      `${at}.rules[0].operations: Invalid value: ["*","CREATE"]: if '*' is present, must not specify other operations`,
      `${at}.rules[0].apiGroups: Invalid value: ["*","a"]: if '*' is present, must not specify other API groups`,
      `${at}.rules[0].apiVersions[0]: Required value`,
      `${at}.rules[0].resources[1]: Invalid value: "a/b": if 'a/*' is present, must not specify a/b`,
      `${at}.rules[0].resources: Invalid value: ["a/*","a/b","*/*","*","c"]: if '*/*' is present, must not specify other resources`,
      `${at}.rules[0].resources: Invalid value: ["a/*","a/b","*/*","*","c"]: if '*' is present, must not specify other resources without subresources`,
      `${at}.rules[0].scope: Unsupported value: "x": supported values: "*", "Cluster", "Namespaced"`,
    ]],
  ])('are refused: %j', (one, findings) => expect(create(hooks(one))).toEqual(findings));

  test('name each webhook once, and finalizers as they like', () => expect(create({ ...hooks({}, {}), metadata: { finalizers: ['plain'] } })).toEqual(['webhooks[1].name: Duplicate value: "a.b.c"']));
  test('may keep what was there: side effects, versions, names', () => {
    const old = hooks({ sideEffects: 'Some', admissionReviewVersions: ['v2'] }, {});
    expect(update(old, old)).toEqual([]);
    expect(update(hooks({}), { ...hooks({}), metadata: { name: 'A' } })).toEqual([expect.stringContaining('metadata.name: Invalid value: "A"')]);
  });
  test('warn of reserved names', () => expect(warnings({ ...hooks({}), metadata: { name: 'a.static.k8s.io' } })).toEqual(['metadata.name: names ending with ".static.k8s.io" are reserved for static manifest-based configurations and cannot be managed via the API']));
});

test('bindings name a policy, a parameter and actions', () => {
  const { create } = rulesOf(group, 'validatingadmissionpolicybindings');
  expect(create({ spec: { paramRef: { name: 'a', selector: {} }, validationActions: ['Deny', 'Warn', 'Deny', 'x'] } })).toEqual([
    'spec.policyName: Required value',
    'spec.paramRef.name: Forbidden: name and selector are mutually exclusive',
    'spec.paramRef.selector: Forbidden: name and selector are mutually exclusive',
    'spec.paramRef.parameterNotFoundAction: Required value',
    'spec.validationActions[2]: Duplicate value: "Deny"',
    'spec.validationActions[3]: Unsupported value: "x": supported values: "Audit", "Deny", "Warn"',
    'spec.validationActions: Invalid value: ["Deny","Warn","Deny","x"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
  ]);
});

test("a policy's status leaves its labels alone", () => {
  const { changed, updateStatus } = rulesOf(group, 'validatingadmissionpolicies');
  expect(changed({ spec: {} }, { spec: {}, metadata: { labels: { a: 'b' } } }, 'status').object.metadata).not.toHaveProperty('labels');
  expect(updateStatus({ spec: {} }, { status: { typeChecking: { expressionWarnings: [{ fieldRef: ' ', warning: '' }] } } })).toEqual(['status.typeChecking.expressionWarnings[0].warning: Required value', 'status.typeChecking.expressionWarnings[0].fieldRef: Required value']);
});
