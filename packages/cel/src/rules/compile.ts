/** One schema's rules as programs, with what they may cost. */
import type { Environment } from '../check/declarations.ts';
import { estimateCost } from '../cost/estimate.ts';
import { compileKubernetes, kubernetesEnvironment } from '../kubernetes.ts';
import type { Program } from '../program.ts';
import { type DeclaredType, declareType, maxElementsAt, provideTypes } from '../schema/declared-type.ts';
import { childrenOf, type Expr } from '../syntax/ast.ts';
import { optionalOf } from '../types.ts';
import type { RuleSchema, ValidationRule } from './contract.ts';
import { fieldPathOf } from './field-path.ts';

export interface CompiledRule {
  rule: ValidationRule;
  /** Absent where the rule is blank or wrong. */
  program?: Program;
  error?: string;
  usesOldSelf: boolean;
  maxCost: bigint;
  message?: Program;
  messageError?: string;
  messageMaxCost: bigint;
  /** Where failures are told of, below the value; empty: the value itself. */
  fieldPath: string;
}

/** What type names of the rules' own objects start with. */
const selfName = 'selfType';
/** What the values of a schema are to its rules; undefined where nothing is known of their shape. */
export const declareSelf = (schema: RuleSchema, root: boolean): DeclaredType | undefined => declareType(schema, { root: root || schema['x-kubernetes-embedded-resource'], name: selfName });

const uses = (expr: Expr, name: string): boolean => (expr.kind === 'ident' && expr.name === name) || childrenOf(expr).some((child) => uses(child, name));

function estimate(program: Program, declared: DeclaredType): bigint {
  const sizeOf = (path: readonly string[]) => {
    if (!path.length) return undefined;
    const max = maxElementsAt(declared, path);
    return max === undefined ? undefined : { min: 0n, max: BigInt(max) };
  };
  return estimateCost(program.expr, sizeOf).max;
}

function compileRule(rule: ValidationRule, schema: RuleSchema, declared: DeclaredType, env: Environment): CompiledRule {
  const result: CompiledRule = { rule, usesOldSelf: false, maxCost: 0n, messageMaxCost: 0n, fieldPath: '' };
  if (!rule.rule?.trim()) return result;
  const { program, issues } = compileKubernetes(rule.rule, env);
  if (!program) return { ...result, error: `compilation failed: ${issues}` };
  if (program.type.kind !== 'bool') return { ...result, error: 'cel expression must evaluate to a bool' };
  result.usesOldSelf = uses(program.expr, 'oldSelf');
  result.program = program;
  result.maxCost = estimate(program, declared);
  if (rule.messageExpression) {
    const message = compileKubernetes(rule.messageExpression, env);
    if (!message.program) return { ...result, messageError: `messageExpression compilation failed: ${message.issues}` };
    if (message.program.type.kind !== 'string') return { ...result, messageError: 'messageExpression must evaluate to a string' };
    result.message = message.program;
    result.messageMaxCost = estimate(message.program, declared);
  }
  if (rule.fieldPath) result.fieldPath = fieldPathOf(rule.fieldPath, schema) ?? '';
  return result;
}

export function compileSchemaRules(schema: RuleSchema, declared: DeclaredType): CompiledRule[] {
  const provider = provideTypes(declared);
  const plain = kubernetesEnvironment.extend({ self: declared.type, oldSelf: declared.type }, provider);
  const optional = kubernetesEnvironment.extend({ self: declared.type, oldSelf: optionalOf(declared.type) }, provider);
  return (schema['x-kubernetes-validations'] ?? []).map((rule) => compileRule(rule, schema, declared, rule.optionalOldSelf ? optional : plain));
}
