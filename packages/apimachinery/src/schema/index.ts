export { cannotBeHandled, DecodeError } from './decode-context.ts';
export { decodeObject, zeroOfField, type Decoded } from './decode.ts';
export { applyDefaults } from './defaults.ts';
export { allowNestingFor, isTooDeepToIndent, mostNesting, parseJson, parseJsonStrict, type ParsedJson } from './json.ts';
export { parseExact, parseStored, wholeNumber, writeBigIntegers } from './exact-numbers.ts';
export { jsonSyntaxError } from './json-error.ts';
export { unstructuredError } from './unstructured-error.ts';
