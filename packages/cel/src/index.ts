/** Kubernetes' Common Expression Language: compiling, costs, libraries, and the rules of custom resources. Runs in a browser. */
export { Environment, type TypeProvider } from './check/declarations.ts';
export { CelError } from './eval/errors.ts';
export type { Activation } from './eval/frame.ts';
export { Double, display, MapValue, none, Optional, type Opaque, type Value } from './eval/values.ts';
export { compileKubernetes, kubernetesEnvironment, matchConditionsBudget, maxMessageBytes, perCallLimit, runTimeBudget } from './kubernetes.ts';
export { type AccessDecision, type AccessQuestion, type Authorize, AuthorizerValue, authorizerType, ResourceCheck, resourceCheckType } from './library/authorization.ts';
export { jsonPatchLibrary } from './library/formats.ts';
export { QuantityValue, quantityType } from './library/quantities.ts';
export { type Compiled, type Outcome, Program } from './program.ts';
export { RegexpError } from './regexp/parse.ts';
export { Regexp, regexp } from './regexp/regexp.ts';
export { checkSchemaRules } from './rules/check-schema.ts';
export type { CompileRules, RuleSchema, RuleSet, RuleVerdict, ValidationRule } from './rules/contract.ts';
export { fieldPathOf } from './rules/field-path.ts';
export { compileRules } from './rules/validate.ts';
export { adaptDynamic, type Adapter, JsonMap, JsonStruct } from './schema/values.ts';
export * from './types.ts';
