export type * from './schema.ts';
export type * from './scalars.ts';
export { builtinGroups, builtinResources, builtinTypes, goTypeNames, podTemplateStructs, typeOfKind } from './builtin.ts';
