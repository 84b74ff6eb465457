import { cannotBeHandled, DecodeError, type KubeObject, parseApiVersion } from '@pilothouse/apimachinery';
import { fieldTypeOfCustomResource } from '@pilothouse/apimachinery/managed-fields/field-type';
import { EmbeddedResourceError, type JSONSchemaProps, prune, setDefaults, structuralOf, type Structural } from '@pilothouse/apimachinery/structural/index';
import type { ObjectCodec } from '../contract.ts';
import { cloneJson } from '../objects/clone.ts';

/** One version of a custom resource: its schema, compiled. */
export interface CustomSchema {
  version: string;
  schema: JSONSchemaProps;
  structural: Structural;
  /** Whether anything in it has a default. */
  hasDefaults: boolean;
}

const anything: JSONSchemaProps = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

/** `preservesAll`: an old definition under which nothing is pruned. */
export function customSchema(version: string, schema: JSONSchemaProps | undefined, preservesAll: boolean): CustomSchema {
  const own = schema ?? anything;
  const structural = structuralOf(own);
  return { version, schema: own, structural: preservesAll ? { ...structural, preserve: true } : structural, hasDefaults: statesDefault(structural) };
}

function statesDefault({ properties, additional, items, ...schema }: Structural): boolean {
  if (schema.default !== undefined || (items && statesDefault(items)) || (additional && additional !== 'any' && statesDefault(additional))) return true;
  for (const property of properties.values()) if (statesDefault(property)) return true;
  return false;
}

const nothingKnown = structuralOf({ type: 'object' });

/** Reads objects of one version of a custom resource. What says that it is of another is read as that: `versions`, by name. */
export function customCodec(kind: string, { version, schema, structural, hasDefaults }: CustomSchema, versions: ReadonlyMap<string, CustomSchema>): ObjectCodec {
  const structuralFor = (apiVersion: unknown): Structural => {
    const stated = typeof apiVersion === 'string' ? parseApiVersion(apiVersion).version : version;
    return stated === version ? structural : (versions.get(stated)?.structural ?? nothingKnown);
  };
  return {
    statesKind: true,
    fieldType: fieldTypeOfCustomResource(schema),
    decode(value) {
      try {
        const given = value as Record<string, unknown>;
        const { object, unknown } = prune(given, structuralFor(given.apiVersion));
        return { object, unknownFields: unknown.map((path) => `unknown field ${JSON.stringify(path)}`) };
      } catch (error) {
        if (error instanceof DecodeError || error instanceof EmbeddedResourceError) throw cannotBeHandled(kind, version, kind, error.message);
        throw error;
      }
    },
    defaults(object) {
      if (hasDefaults) setDefaults(object, structural);
    },
  };
}

/** The object with what the version it is stored in has defaults for; itself where there are none. */
export function withDefaults(object: KubeObject, stored: CustomSchema | undefined): KubeObject {
  if (!stored?.hasDefaults) return object;
  const copy = cloneJson(object);
  return setDefaults(copy, stored.structural) ? copy : object;
}

/** An object of the store as a version shows it; itself where it looks the same there. `stored`: the version it is stored in, where that is still defined. */
export function shownIn(object: KubeObject, apiVersion: string, shown: CustomSchema, stored: CustomSchema | undefined): KubeObject {
  const whole = withDefaults(object, stored);
  const pruned = prune(whole as unknown as Record<string, unknown>, shown.structural, { fromStore: true });
  if (whole === object && !pruned.changed && object.apiVersion === apiVersion) return object;
  pruned.object.apiVersion = apiVersion;
  return pruned.object as unknown as KubeObject;
}

/** An object as it is stored. */
export function storedIn(object: KubeObject, apiVersion: string, storage: CustomSchema): KubeObject {
  const { object: pruned } = prune(object as unknown as Record<string, unknown>, storage.structural, { fromStore: true });
  pruned.apiVersion = apiVersion;
  return pruned as unknown as KubeObject;
}
