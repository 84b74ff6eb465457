/** Kubernetes' Common Expression Language: compiling, costs, libraries, and the rules of custom resources. Runs in a browser. */
export type { CompileRules, RuleSchema, RuleSet, RuleVerdict, ValidationRule } from './rules/contract.ts';
