/** What a CustomResourceDefinition defines, as the server serves resources. */
import type { CompileRules } from '@pilothouse/cel';
import type { ResourceFacts } from '@pilothouse/api-schemas';
import type { CustomResourceDefinition, CustomResourceDefinitionVersion as Version } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { apiVersionOf, internalError, jsonPath, type KubeObject, parseApiVersion, type ResourceType } from '@pilothouse/apimachinery';
import { isSchema } from '@pilothouse/apimachinery/structural/index';
import type { Runtime } from '@pilothouse/base';
import type { Conversion, ResourceDefinition } from '../contract.ts';
import type { CallWebhook } from '../webhooks/call.ts';
import { customCodec, customSchema, type CustomSchema, shownIn, storedIn, withDefaults } from './codec.ts';
import { customColumns } from './columns.ts';
import { customScale } from './scale.ts';
import { customStrategy } from './strategy.ts';
import { type ConvertObjects, webhookConversion } from './webhook-conversion.ts';

export interface CustomOptions {
  compileRules: CompileRules;
  /** Whether the definition is going away. */
  terminating(): boolean;
  callWebhook: CallWebhook;
  random: Runtime['random'];
}

/** In upstream's order, which discovery shows. */
export const customVerbs = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const subresourceVerbs = ['get', 'patch', 'update'];

/** A definition for each served version. Names are those accepted: none while there are none. */
export function customDefinitions(crd: CustomResourceDefinition, options: CustomOptions): ResourceDefinition[] {
  const { spec } = crd;
  const names = crd.status?.acceptedNames;
  const storage = spec.versions.find((version) => version.storage);
  if (!names?.kind || !names.plural || !storage) return [];
  const typeOf = (version: string): ResourceType => ({ group: spec.group, version, plural: names.plural, kind: names.kind, namespaced: spec.scope === 'Namespaced' });
  const schemas = new Map(spec.versions.map((version) => [version.name, customSchema(version.name, version.schema?.openAPIV3Schema, spec.preserveUnknownFields === true)]));
  const store: ResourceDefinition = {
    type: typeOf(storage.name),
    facts: factsOf(typeOf(storage.name), names, []),
    subresources: [],
    schema: '',
    codec: customCodec(names.kind, schemas.get(storage.name)!, schemas),
    storagePrefix: `${spec.group}/${names.plural}`,
    strategy: {},
    columns: [],
    selectableFields: {},
  };
  const converts = spec.conversion?.strategy === 'Webhook' && spec.conversion.webhook ? webhookConversion({ group: spec.group, kind: names.kind }, spec.conversion.webhook, options) : undefined;
  return spec.versions.filter((version) => version.served).map((version) => served(version, { type: typeOf(version.name), names, store, schemas, converts, ...options }));
}

interface Parts extends CustomOptions {
  type: ResourceType;
  names: { singular?: string; listKind?: string; shortNames?: string[]; categories?: string[] };
  store: ResourceDefinition;
  schemas: ReadonlyMap<string, CustomSchema>;
  /** Asked where an object's version is not the one wanted; undefined: only the version's name differs. */
  converts: ConvertObjects | undefined;
}

function served(version: Version, { type, names, store, schemas, converts, compileRules, terminating }: Parts): ResourceDefinition {
  const schema = schemas.get(version.name)!;
  const { status, scale } = version.subresources ?? {};
  const subresources: ResourceFacts[] = [
    ...(status ? [{ ...factsOf(type, {}, subresourceVerbs), name: 'status' }] : []),
    ...(scale ? [{ ...factsOf(type, {}, subresourceVerbs), name: 'scale', kind: 'Scale', bodyGroup: 'autoscaling', bodyVersion: 'v1' }] : []),
  ];
  return {
    type,
    facts: factsOf(type, names, customVerbs),
    subresources,
    schema: '',
    codec: customCodec(type.kind, schema, schemas),
    storagePrefix: store.storagePrefix,
    strategy: customStrategy({ type, schema, hasStatus: !!status, scale, rules: compileRules(schema.schema), terminating }),
    columns: customColumns(version.additionalPrinterColumns),
    selectableFields: selectableFields(version),
    fieldLabelError: (field) => `field label not supported: ${field}`,
    ...(names.listKind && { listKind: names.listKind }),
    ...(version.deprecated && { deprecation: version.deprecationWarning ?? `${type.group}/${version.name} ${type.kind} is deprecated` }),
    ...(scale && { scale: customScale(scale) }),
    conversion: conversionOf(type, schema, { store, schemas, converts }),
    store,
  };
}

function conversionOf(type: ResourceType, schema: CustomSchema, { store, schemas, converts }: Pick<Parts, 'store' | 'schemas' | 'converts'>): Conversion<KubeObject> {
  const apiVersion = apiVersionOf(type.group, type.version);
  const storedAs = apiVersionOf(type.group, store.type.version);
  const schemaOf = (object: KubeObject): CustomSchema | undefined => schemas.get(parseApiVersion(object.apiVersion ?? '').version);
  const asStored = (object: KubeObject): KubeObject => storedIn(object, storedAs, schemas.get(store.type.version)!);
  return {
    storage: store.type,
    toStorage(object) {
      if (converts && apiVersion !== storedAs) throw notConverted(type, store.type.version);
      return asStored(object);
    },
    fromStorage(object) {
      if (converts && object.apiVersion !== apiVersion) throw notConverted(type, type.version);
      return shownIn(object, apiVersion, schema, schemaOf(object));
    },
    ...(converts && {
      remote: {
        async toStorage(object: KubeObject) {
          if (apiVersion === storedAs) return asStored(object);
          const [made] = await converts([object], storedAs);
          return asStored(made);
        },
        async fromStorage(objects: readonly KubeObject[]) {
          const shown = objects.map((object) => (object.apiVersion === apiVersion ? shownIn(object, apiVersion, schema, schemaOf(object)) : undefined));
          const others = objects.filter((_, i) => !shown[i]);
          if (!others.length) return shown as KubeObject[];
          const made = await converts(others.map((object) => withDefaults(object, schemaOf(object))), apiVersion);
          let next = 0;
          return shown.map((one) => one ?? shownIn(made[next++], apiVersion, schema, undefined));
        },
      },
    }),
  };
}

/** A look at an object that was not made ready: those places do not ask other servers. */
const notConverted = ({ group, kind }: ResourceType, version: string) => internalError(`${kind}.${group} is converted to ${version} by a webhook, which is not asked here`);

const factsOf = ({ group, version, plural, kind, namespaced }: ResourceType, { singular = '', shortNames, categories }: Partial<Parts['names']>, verbs: string[]): ResourceFacts => ({
  group, version, name: plural, singularName: singular, kind, namespaced, verbs,
  ...(shortNames?.length && { shortNames }),
  ...(categories?.length && { categories }),
});

function selectableFields(version: Version): Record<string, (object: KubeObject) => string> {
  if (!isSchema(version.schema?.openAPIV3Schema)) return {};
  return Object.fromEntries(
    (version.selectableFields ?? []).map(({ jsonPath: path }) => {
      const read = jsonPath(path);
      return [
        path.replace(/^\./, ''),
        (object: KubeObject) => {
          const value = read.first(object);
          return value === undefined || value === null ? '' : String(value);
        },
      ];
    }),
  );
}
