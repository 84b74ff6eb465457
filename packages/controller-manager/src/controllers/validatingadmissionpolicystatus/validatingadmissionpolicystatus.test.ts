import { describe, expect, it } from 'vitest';
import { typeWarnings } from './plan.ts';

const policy = (resources: string[], ...expressions: string[]) => ({ metadata: { name: 'p' }, spec: { matchConstraints: { resourceRules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE'], resources }] }, validations: expressions.map((expression) => ({ expression })) } });

describe('type checking of policies', () => {
  it('tells of fields and operators that a kind does not have', () => {
    expect(typeWarnings(policy(['deployments'], 'object.spec.nope > 1', 'object.spec.replicas > "a"', 'object.spec.template.spec.containers.all(c, c.resources.limits["cpu"] != "" && has(c.image))'))).toEqual([
      { fieldRef: 'spec.validations[0].expression', warning: "apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'nope'\n | object.spec.nope > 1\n | ...........^\n" },
      { fieldRef: 'spec.validations[1].expression', warning: "apps/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching overload for '_>_' applied to '(int, string)'\n | object.spec.replicas > \"a\"\n | .....................^\n" },
    ]);
  });
  it('checks every kind that is named, and none behind a wildcard', () => {
    expect(typeWarnings(policy(['deployments', 'daemonsets'], 'object.spec.replicas > 1'))).toEqual([{ fieldRef: 'spec.validations[0].expression', warning: expect.stringMatching(/^apps\/v1, Kind=DaemonSet: ERROR: <input>:1:12: undefined field 'replicas'/) }]);
    expect(typeWarnings(policy(['*'], 'object.nope'))).toEqual([]);
  });
});
