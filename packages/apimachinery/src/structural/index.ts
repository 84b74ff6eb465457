/** Structural schemas of custom resources: reading objects by them, their defaults, what is wrong with values. Pure. */
export { setDefaults } from './defaults.ts';
export { fieldErrors, type Finding } from './findings.ts';
export { validateListTypes } from './list-types.ts';
export { EmbeddedResourceError, prune, type Pruned } from './prune.ts';
export { isSchema, type JSONSchemaProps, structuralOf, type Structural } from './schema.ts';
export { compileValidator, effectiveFormat, type Validate } from './validate.ts';
