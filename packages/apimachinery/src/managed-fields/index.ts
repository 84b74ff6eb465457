export { type ApplyRequest, type ApplyResult, ApplyConflict, applyServerSide, checkApplied } from './apply.ts';
export { compareObjects, type Comparison } from './compare.ts';
export { asksForReset, managedFieldsError, readManagers, writeManagers } from './entries.ts';
export { difference, equalSets, excludeFields, type FieldFilter, type FieldSet, fieldSet, includeFields, intersection, pathsOf, readFieldSet, recursiveDifference, sorted as sortedFieldSet, union } from './field-set.ts';
export { deducedValue, type FieldType, fieldTypeOf, fieldTypeOfCustomResource, type OwnershipSchema } from './field-type.ts';
export { fieldsOf, typedFaults } from './typed-value.ts';
export { keepTimesOfNoChange, type ManagedObject, type OwnershipContext, type UpdateOwnership, updateManagedFields } from './update.ts';
