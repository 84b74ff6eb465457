import goNameTable from '../generated/go-names.json' with { type: 'json' };
import groups from '../generated/groups.json' with { type: 'json' };
import structs from '../generated/pod-template-structs.json' with { type: 'json' };
import resources from '../generated/resources.json' with { type: 'json' };
import types from '../generated/types.json' with { type: 'json' };
import type { GroupFacts, ResourceFacts, TypeSchema } from './schema.ts';

/** Every published type of the built-in API, by OpenAPI name. */
export const builtinTypes: ReadonlyMap<string, TypeSchema> = new Map((types as TypeSchema[]).map((type) => [type.name, type]));

/** Every served resource and subresource, in discovery's order within its group version. */
export const builtinResources: readonly ResourceFacts[] = resources as ResourceFacts[];

/** The served groups in discovery's order; the core group (`''`) first. */
export const builtinGroups: readonly GroupFacts[] = groups as GroupFacts[];

const byKind = new Map<string, TypeSchema>();
for (const type of builtinTypes.values()) for (const { group, version, kind } of type.gvk ?? []) byKind.set(`${group}/${version}/${kind}`, type);

/** The type of a built-in kind; undefined where the kind is not built in. The core group is `''`. */
export const typeOfKind = (group: string, version: string, kind: string): TypeSchema | undefined => byKind.get(`${group}/${version}/${kind}`);

/** Struct (`PodSpec`) → field → the field's type as Go prints it (`v1.RestartPolicy`), where that is more than its shape. */
export const goTypeNames: Readonly<Record<string, Readonly<Record<string, string>>>> = goNameTable;

/** Go struct (`PodSpec`) → its fields in order: name in Go, name in JSON (`''`: embedded), type as reflection prints it, and what that is made of. */
export const podTemplateStructs: Readonly<Record<string, readonly (readonly string[])[]>> = structs;
