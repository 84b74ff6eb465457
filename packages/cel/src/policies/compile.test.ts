import { describe, expect, it } from 'vitest';
import { compilePolicy } from './compile.ts';

const problem = (text: string | undefined): string | undefined => text?.split('\n')[0].replace('compilation failed: ERROR: <input>:', '');

describe('expressions of policies', () => {
  it.each([
    ['object.x == 1 && request.userInfo.groups.exists(g, g == "a")', undefined],
    ['1', 'must evaluate to bool but got int'],
    ['params.x', "1:1: undeclared reference to 'params' (in container '')"],
    ['request.nope == 1', "1:8: undefined field 'nope'"],
    ["authorizer.requestResource.check('get').allowed()", undefined],
    ["namespaceObject.metadata.labels['a'] == 'b'", undefined],
  ])('%s: %s', (expression, wanted) => expect(problem(compilePolicy({ validations: [{ expression }] }).validations[0].expression.error)).toBe(wanted));

  it('see variables that come before them, with their types', () => {
    const { variables, validations } = compilePolicy({ variables: [{ name: 'a', expression: "object.metadata.name + 'x'" }, { name: 'n', expression: '1' }, { name: 'b', expression: 'variables.later' }], validations: [{ expression: "variables.n == ''" }] });
    expect(variables.map(({ expression }) => problem(expression.error))).toEqual([undefined, undefined, "1:10: undefined field 'later'"]);
    expect(problem(validations[0].expression.error)).toBe("1:13: found no matching overload for '_==_' applied to '(int, string)'");
  });
  it('that make messages may not ask the authorizer', () => {
    expect(problem(compilePolicy({ validations: [{ expression: 'true', messageExpression: "authorizer.path('/').check('get').reason()" }] }).validations[0].message?.error)).toBe("1:1: undeclared reference to 'authorizer' (in container '')");
  });
  it('that mutate make objects or patches', () => {
    const errors = (patchType: string, expression: string) => compilePolicy({ mutations: [patchType === 'JSONPatch' ? { patchType, jsonPatch: { expression } } : { patchType, applyConfiguration: { expression } }] }).mutations[0].expression.error;
    expect(errors('ApplyConfiguration', 'Object{spec: Object.spec{replicas: 1}}')).toBeUndefined();
    expect(errors('JSONPatch', "[JSONPatch{op: 'add', path: '/a/' + jsonpatch.escapeKey('b/c'), value: 1}]")).toBeUndefined();
    expect(errors('JSONPatch', '[1]')).toBe('must evaluate to list(JSONPatch) but got list(int)');
  });
});
