/** A policy's expressions as programs, and what is wrong with them. */
import type { Environment } from '../check/declarations.ts';
import { compileKubernetes } from '../kubernetes.ts';
import type { Program } from '../program.ts';
import { boolType, sameType, stringType, type Type } from '../types.ts';
import { jsonPatchType, type Offered, patchObjectType, policyEnvironment, PolicyVariables, textOrNull } from './variables.ts';

/** An expression that was compiled, or why it was not. */
export interface Expression {
  source: string;
  program?: Program;
  error?: string;
}

/** `types`: what the expression may give; empty: anything. */
export function compileExpression(source: string, env: Environment, types: readonly Type[]): Expression {
  const { program, issues } = compileKubernetes(source, env);
  if (!program) return { source, error: `compilation failed: ${issues}` };
  if (!types.length || types.some((type) => sameType(type, program.type))) return { source, program };
  const wanted = types.length === 1 ? String(types[0]) : `one of [${types.join(' ')}]`;
  return { source, error: `must evaluate to ${wanted} but got ${program.type}` };
}

interface Named {
  name: string;
  expression: string;
}
export interface PolicyValidation {
  expression: string;
  message?: string;
  messageExpression?: string;
  reason?: string;
}
export interface PolicyMutation {
  patchType: string;
  applyConfiguration?: { expression?: string };
  jsonPatch?: { expression?: string };
}

/** What a policy's spec says in expressions. */
export interface PolicySource {
  paramKind?: object;
  matchConditions?: readonly Named[];
  variables?: readonly Named[];
  validations?: readonly PolicyValidation[];
  auditAnnotations?: readonly { key: string; valueExpression: string }[];
  mutations?: readonly PolicyMutation[];
}

export interface CompiledPolicy {
  conditions: { name: string; expression: Expression }[];
  variables: { name: string; expression: Expression }[];
  validations: { expression: Expression; message?: Expression; validation: PolicyValidation }[];
  annotations: { key: string; expression: Expression }[];
  mutations: { mutation: PolicyMutation; expression: Expression }[];
}

/** `known`: types of objects, for type checking; `loose`: any result will do. */
export function compilePolicy(source: PolicySource, { known = {}, loose = false }: { known?: Pick<Offered, 'object' | 'paramsType'>; loose?: boolean } = {}): CompiledPolicy {
  const variables = source.variables?.length ? new PolicyVariables() : undefined;
  const offered: Offered = { ...known, params: source.paramKind !== undefined, authorizer: true, patches: source.mutations !== undefined, ...(variables && { variables }) };
  const env = policyEnvironment(offered);
  const quiet = policyEnvironment({ ...offered, authorizer: false });
  const typed = (types: readonly Type[]) => (loose ? [] : types);
  // Conditions are asked before there are variables.
  const { variables: _, ...bare } = offered;
  const conditionEnv = policyEnvironment(bare);
  const conditions = (source.matchConditions ?? []).map(({ name, expression }) => ({ name, expression: compileExpression(expression ?? '', conditionEnv, typed([boolType])) }));
  const compiledVariables = (source.variables ?? []).map(({ name, expression }) => {
    const compiled = compileExpression(expression ?? '', env, []);
    // Later expressions may use it.
    if (compiled.program) variables!.types.set(name, compiled.program.type);
    return { name, expression: compiled };
  });
  return {
    conditions,
    variables: compiledVariables,
    validations: (source.validations ?? []).map((validation) => ({
      validation,
      expression: compileExpression(validation.expression ?? '', env, typed([boolType])),
      ...(validation.messageExpression && { message: compileExpression(validation.messageExpression, quiet, typed([stringType])) }),
    })),
    annotations: (source.auditAnnotations ?? []).map(({ key, valueExpression }) => ({ key, expression: compileExpression(valueExpression ?? '', env, typed(textOrNull)) })),
    mutations: (source.mutations ?? []).map((mutation) => {
      const apply = mutation.patchType === 'ApplyConfiguration';
      const expression = (apply ? mutation.applyConfiguration : mutation.jsonPatch)?.expression ?? '';
      return { mutation, expression: compileExpression(expression, env, typed([apply ? patchObjectType : jsonPatchType])) };
    }),
  };
}
