import { builtinResources, typeOfKind, type ResourceFacts, type TypeSchema } from '@pilothouse/api-schemas';
import type { KubeObject, ResourceType } from '@pilothouse/apimachinery';
import { zeroOfField } from '@pilothouse/apimachinery';
import type { PodSpec } from '@pilothouse/api-schemas/types/core/v1';
import type { ResourceDefinition, Strategy } from '../contract.ts';
import { columnsFor } from '../table/index.ts';
import { dropGatedPodFields } from './defaults/pod-gates.ts';

/** What a built-in resource adds to its published facts. Everything has a default: a resource may be facts alone. */
export interface ResourceBehaviour<T extends KubeObject> extends Partial<Pick<ResourceDefinition<T>, 'strategy' | 'selectableFields' | 'fieldLabelError' | 'virtual' | 'ttlSeconds' | 'conversion'>> {
  /** Under `/registry/`. Default: the plural, with neither group nor version, as kube-apiserver's keys have it. */
  storagePrefix?: string;
  /** A status given on create is kept (nodes register with theirs). Default: it is cleared. */
  keepsStatusOnCreate?: boolean;
  /** Where the object holds a pod's spec, its own or a template's. */
  podSpec?(object: T): PodSpec | undefined;
}

/** Where there is a status subresource, the main one cannot set the status: cleared on create, kept on update. */
function guardStatus<T extends KubeObject>(strategy: Strategy<T>, schema: TypeSchema, keepsOnCreate: boolean): Strategy<T> {
  const put = (object: T, status: unknown) => {
    if (status === undefined) delete (object as { status?: unknown }).status;
    else (object as { status?: unknown }).status = status;
  };
  return {
    ...strategy,
    prepareForCreate(object, context) {
      if (!keepsOnCreate) put(object, zeroOfField(schema, 'status'));
      strategy.prepareForCreate?.(object, context);
    },
    prepareForUpdate(object, old, context) {
      if (context.subresource === '') put(object, (old as { status?: unknown }).status);
      strategy.prepareForUpdate?.(object, old, context);
    },
  };
}

/** Ahead of everything else that prepares the object. */
function dropGated<T extends KubeObject>(strategy: Strategy<T>, podSpec: (object: T) => PodSpec | undefined): Strategy<T> {
  return {
    ...strategy,
    prepareForCreate(object, context) {
      dropGatedPodFields(podSpec(object), undefined);
      strategy.prepareForCreate?.(object, context);
    },
    prepareForUpdate(object, old, context) {
      dropGatedPodFields(podSpec(object), podSpec(old));
      strategy.prepareForUpdate?.(object, old, context);
    },
  };
}

const factsOf = ({ group, version, plural }: ResourceType): ResourceFacts => {
  const facts = builtinResources.find((r) => r.group === group && r.version === version && r.name === plural);
  if (!facts) throw new Error(`Define resource ${plural}.${version}.${group}: not among the published resources`);
  return facts;
};

/** Merges a resource's behaviour over its published facts. @throws Error for a resource that is not published. */
export function defineResource<T extends KubeObject>(type: ResourceType<T>, behaviour: ResourceBehaviour<T> = {}): ResourceDefinition<T> {
  const { group, version, plural, kind } = type;
  const facts = factsOf(type);
  const schema = typeOfKind(group, version, kind);
  if (!schema) throw new Error(`Define resource ${plural}: kind ${kind} has no published type`);
  const own = behaviour.strategy ?? {};
  const strategy = behaviour.podSpec ? dropGated(own, behaviour.podSpec) : own;
  const prefix = `${plural}/`;
  const subresources = builtinResources.filter((r) => r.group === group && r.version === version && r.name.startsWith(prefix)).map((r) => ({ ...r, name: r.name.slice(prefix.length) }));
  return {
    type,
    facts,
    subresources,
    schema: schema.name,
    storagePrefix: behaviour.storagePrefix ?? plural,
    strategy: subresources.some((s) => s.name === 'status') ? guardStatus(strategy, schema, behaviour.keepsStatusOnCreate ?? false) : strategy,
    columns: columnsFor(group, version, plural),
    selectableFields: behaviour.selectableFields ?? {},
    ...(behaviour.fieldLabelError && { fieldLabelError: behaviour.fieldLabelError }),
    ...(behaviour.virtual && { virtual: true }),
    ...(behaviour.ttlSeconds !== undefined && { ttlSeconds: behaviour.ttlSeconds }),
    ...(behaviour.conversion && { conversion: behaviour.conversion }),
  };
}
