/**
 * Writes api-schemas/generated/: `types.json` (every published type), `resources.json` (every served resource)
 * and `types/<group>/<version>.ts` (TypeScript interfaces).
 *
 *   node api-schemas/gen/generate.ts --reference DIR --go-types PREFIX=DIR…
 *
 * `--reference` holds the OpenAPI, discovery and protobuf facts of a running API server; each `--go-types` names
 * the directory of a Go package tree by its OpenAPI prefix, e.g. `io.k8s.api=/src/k8s.io/api`.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { FieldSchema, GroupFacts, ResourceFacts, TypeRef, TypeSchema } from '../src/schema.ts';
import { type GoField, readGoStructs } from './read-go-fields.ts';

const { values } = parseArgs({ options: { reference: { type: 'string' }, 'go-types': { type: 'string', multiple: true }, out: { type: 'string' } } });
if (!values.reference || !values['go-types']) throw new Error('needed: --reference DIR and at least one --go-types PREFIX=DIR');
const reference = values.reference;
const out = values.out ?? join(import.meta.dirname, '../generated');
const readJson = (path: string) => JSON.parse(readFileSync(join(reference, path), 'utf8'));

type Json = Record<string, any>;
const v2: Record<string, Json> = readJson('openapi/v2.json').definitions;
const v3: Record<string, Json> = {};
for (const file of readdirSync(join(reference, 'openapi/v3'))) Object.assign(v3, readJson(`openapi/v3/${file}`).components?.schemas ?? {});
const protobuf: Record<string, Record<string, [number, string]>> = readJson('protobuf/kubernetes-v1.36.json');

const goRoots = values['go-types'].map((pair) => pair.split('=') as [string, string]);
const goPackages = new Map<string, Map<string, GoField[]>>();
/** Go structs of the package a type's OpenAPI name points to. */
function goPackage(openApiPackage: string): Map<string, GoField[]> {
  let found = goPackages.get(openApiPackage);
  if (!found) {
    const root = goRoots.find(([prefix]) => openApiPackage.startsWith(`${prefix}.`));
    found = root ? readGoStructs(join(root[1], openApiPackage.slice(root[0].length + 1).replaceAll('.', '/'))) : new Map();
    goPackages.set(openApiPackage, found);
  }
  return found;
}
function goFields(openApiPackage: string, struct: string): GoField[] {
  const own = goPackage(openApiPackage).get(struct) ?? [];
  return own.flatMap((field) => {
    if (field.inline === 'TypeMeta') return ['kind', 'apiVersion'].map((name) => ({ ...field, name, inline: undefined, omitEmpty: true, goType: 'string' }));
    return field.inline ? goFields(openApiPackage, field.inline) : [field];
  });
}
function messageOf(name: string): string | undefined {
  const key = name.replace(/^io\.k8s\./, 'k8s.io.').replaceAll('-', '_');
  const message = key.startsWith('k8s.io.kube_aggregator') || key.startsWith('k8s.io.apiextensions') || key in protobuf ? key : undefined;
  return message && message in protobuf ? message : undefined;
}

/**
 * Numbers that lead to a JSON field in a message: one, or those of the messages it is inlined from first. A message
 * that is a field of protobuf but not of JSON (`own` holds the JSON names) is inlined in JSON.
 */
function findNumber(message: string | undefined, fieldName: string, own: ReadonlySet<string>): number[] | undefined {
  const fields = Object.entries(message ? (protobuf[message] ?? {}) : {});
  const goName = fieldName.replace('$', '').replace(/^x-kubernetes-/, 'x').replaceAll('-', '').toLowerCase();
  const direct = fields.find(([name]) => name.toLowerCase() === goName);
  if (direct) return [direct[1][0]];
  for (const [name, [number, type]] of fields) {
    if (own.has(name.toLowerCase()) || type.startsWith('[]') || type.startsWith('map<')) continue;
    const inner = type.startsWith('.') ? type.slice(1) : `${message!.slice(0, message!.lastIndexOf('.'))}.${type}`;
    if (!(inner in protobuf)) continue;
    const rest = findNumber(inner, fieldName, own);
    if (rest) return [number, ...rest];
  }
  return undefined;
}

const scalars: Record<string, TypeRef> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': { t: 'quantity' },
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': { t: 'time' },
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': { t: 'microTime' },
  'io.k8s.apimachinery.pkg.apis.meta.v1.Duration': { t: 'duration' },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': { t: 'intOrString' },
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': { t: 'json' },
  'io.k8s.apimachinery.pkg.runtime.RawExtension': { t: 'raw' },
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON': { t: 'json' },
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray': { t: 'json' },
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool': { t: 'json' },
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray': { t: 'json' },
};
const refName = (ref: string) => ref.replace(/^#\/(definitions|components\/schemas)\//, '');

function typeOf(schema: Json, goType = ''): TypeRef {
  const ref = schema.$ref ?? schema.allOf?.[0]?.$ref;
  if (ref) return scalars[refName(ref)] ?? { t: 'ref', ref: refName(ref) };
  switch (schema.type) {
    case 'string':
      if (schema.format === 'byte') return { t: 'bytes' };
      if (/\bDuration$/.test(goType)) return { t: 'duration' };
      return { t: 'string' };
    case 'boolean': return { t: 'bool' };
    case 'integer': return { t: schema.format === 'int64' ? 'int64' : 'int32' };
    case 'number': return { t: 'double' };
    case 'array': return schema.items.type === 'integer' && goType.includes('int64') ? { t: 'list', of: { t: 'int64' } } : { t: 'list', of: typeOf(schema.items) };
    case 'object': return schema.additionalProperties ? { t: 'map', of: typeOf(schema.additionalProperties) } : { t: 'json' };
    default: return { t: 'json' };
  }
}

const types: TypeSchema[] = [];
const unmatched: string[] = [];
/** Struct → field → the field's type as Go prints it, where its own name is more than its shape. */
const goNames: Record<string, Record<string, string>> = {};
const predeclared = new Set(['string', 'bool', 'byte', 'int', 'int32', 'int64', 'float64', 'error', 'interface{}', 'any']);
/** `ResourceList` in package v1 is `v1.ResourceList`, `metav1.Time` is `v1.Time`: an alias ends with the package's version. */
const printed = (goType: string, openApiPackage: string): string =>
  goType.replaceAll(/[\w.]+/g, (word) => {
    if (word === 'map' || word === 'interface' || predeclared.has(word)) return word === 'byte' ? 'uint8' : word;
    const [alias, name] = word.includes('.') ? word.split('.') : [openApiPackage.slice(openApiPackage.lastIndexOf('.') + 1), word];
    return `${/v\d+((alpha|beta)\d+)?$/.exec(alias)?.[0] ?? alias}.${name}`;
  });
const shapes: Readonly<Record<string, string>> = { string: 'string', bool: 'bool', int32: 'int32', int64: 'int64', double: 'float64', bytes: '[]uint8' };
/** The printed type where it is no struct of its own and not what the shape says anyway. */
function namedType(ref: TypeRef, goType: string | undefined, openApiPackage: string): string | undefined {
  const text = goType && printed(goType.replace(/^\*/, ''), openApiPackage);
  if (!text || text.includes('*')) return undefined;
  if (ref.t === 'list') return /^\[\][a-z]+$/.test(text) || ref.of.t === 'ref' && text.startsWith('[]') ? undefined : text;
  if (ref.t === 'map') return text === 'map[string]string' ? undefined : text;
  return shapes[ref.t] && text !== shapes[ref.t] ? text : undefined;
}
for (const name of Object.keys(v2).sort()) {
  if (name in scalars) continue;
  const def = v2[name];
  const split = name.lastIndexOf('.');
  const go = goFields(name.slice(0, split), name.slice(split + 1));
  const message = messageOf(name);
  const goByName = new Map(go.map((field) => [field.name, field]));
  const properties: [string, Json][] = Object.entries(def.properties ?? {});
  const order = new Map(go.map((field, i) => [field.name, i]));
  properties.sort(([a], [b]) => (order.get(a) ?? 999) - (order.get(b) ?? 999));
  const fields = properties.map(([fieldName, p]): FieldSchema => {
    const goField = goByName.get(fieldName);
    if (!goField) unmatched.push(`${name}.${fieldName}`);
    const p3 = v3[name]?.properties?.[fieldName] ?? {};
    const field: FieldSchema = { name: fieldName, type: typeOf(p, goField?.goType) };
    if (def.required?.includes(fieldName)) field.required = true;
    const named = namedType(field.type, goField?.goType, name.slice(0, split));
    if (named) (goNames[name.slice(split + 1)] ??= {})[fieldName] ??= named;
    if (goField?.pointer) field.pointer = true;
    if (goField ? goField.omitEmpty : !field.required) field.omitEmpty = true;
    if (goField?.omitZero) field.omitZero = true;
    if (goField?.goName && goField.goName !== fieldName[0].toUpperCase() + fieldName.slice(1)) field.goName = goField.goName;
    if (p3.default !== undefined) field.default = p3.default;
    const enumValues = p.enum ?? p3.enum;
    if (enumValues) field.enum = enumValues;
    const elementEnum = p.items?.enum ?? p.additionalProperties?.enum;
    if (elementEnum) field.elementEnum = elementEnum;
    if (p['x-kubernetes-list-type']) field.listType = p['x-kubernetes-list-type'];
    if (p['x-kubernetes-list-map-keys']) field.listMapKeys = p['x-kubernetes-list-map-keys'];
    if (p['x-kubernetes-map-type']) field.mapType = p['x-kubernetes-map-type'];
    if (p['x-kubernetes-patch-strategy']) field.patchStrategy = p['x-kubernetes-patch-strategy'];
    if (p['x-kubernetes-patch-merge-key']) field.patchMergeKey = p['x-kubernetes-patch-merge-key'];
    if (p.format && !['int32', 'int64', 'byte', 'date-time', 'double'].includes(p.format)) field.format = p.format;
    const found = findNumber(message, fieldName, new Set(properties.map(([n]) => n.toLowerCase())));
    if (found) {
      field.number = found.at(-1);
      if (found.length > 1) field.inlinedIn = found.slice(0, -1);
    }
    return field;
  });
  const type: TypeSchema = { name, fields };
  const gvks = def['x-kubernetes-group-version-kind'];
  if (gvks && gvks.length === 1) type.gvk = gvks.map(({ group, version, kind }: Json) => ({ group, version, kind }));
  if (def['x-kubernetes-map-type']) type.mapType = def['x-kubernetes-map-type'];
  if (def['x-kubernetes-unions']) type.unions = def['x-kubernetes-unions'];
  if (message) type.message = message;
  types.push(type);
}

// ---- resources, from discovery
const groups: GroupFacts[] = readJson('discovery/apis.json').groups.map((g: Json) => ({ name: g.name, versions: g.versions.map((v: Json) => v.version), preferredVersion: g.preferredVersion.version }));
groups.unshift({ name: '', versions: ['v1'], preferredVersion: 'v1' });
const resources: ResourceFacts[] = [];
for (const group of groups) {
  for (const version of group.versions) {
    const list = readJson(group.name ? `discovery/apis_${group.name}_${version}.json` : 'discovery/api_v1.json');
    for (const r of list.resources as Json[]) {
      resources.push({
        group: group.name, version, name: r.name, singularName: r.singularName, kind: r.kind, namespaced: r.namespaced, verbs: r.verbs,
        ...(r.shortNames && { shortNames: r.shortNames }), ...(r.categories && { categories: r.categories }),
        ...(r.storageVersionHash && { storageVersionHash: r.storageVersionHash }),
        ...(r.group !== undefined && { bodyGroup: r.group }), ...(r.version !== undefined && { bodyVersion: r.version }),
      });
    }
  }
}

// ---- TypeScript interfaces
const modules = new Map<string, TypeSchema[]>();
/** `core/v1`, `meta/v1`, … for a type's OpenAPI name. */
function moduleOf(name: string): string {
  const parts = name.split('.');
  const version = parts.at(-2)!;
  if (name.startsWith('io.k8s.apimachinery.pkg.apis.meta')) return 'meta/v1';
  if (name.startsWith('io.k8s.apimachinery.pkg.version')) return 'meta/version';
  return `${parts.at(-3)}/${version}`;
}
const shortName = (name: string) => name.slice(name.lastIndexOf('.') + 1);
for (const type of types) {
  const module = moduleOf(type.name);
  modules.set(module, [...(modules.get(module) ?? []), type]);
}
const scalarTs: Record<string, string> = {
  string: 'string', bool: 'boolean', int32: 'number', int64: 'number', double: 'number', bytes: 'string', quantity: 'Quantity',
  intOrString: 'IntOrString', time: 'Time', microTime: 'MicroTime', duration: 'string', json: 'any', raw: 'any',
};
rmSync(join(out, 'types'), { recursive: true, force: true });
for (const [module, members] of modules) {
  const imports = new Map<string, Set<string>>();
  const use = (from: string, name: string) => { if (from !== module) imports.set(from, (imports.get(from) ?? new Set()).add(name)); };
  const ts = (t: TypeRef): string => {
    if (t.t === 'ref') {
      const from = moduleOf(t.ref);
      const short = shortName(t.ref);
      if (from === module) return short;
      const clash = members.some((m) => shortName(m.name) === short);
      use(from, clash ? `${short} as ${from.replace(/\W(.)/g, (_, c) => c.toUpperCase())}${short}` : short);
      return clash ? `${from.replace(/\W(.)/g, (_, c) => c.toUpperCase())}${short}` : short;
    }
    if (t.t === 'list') return `${ts(t.of).includes('|') ? `(${ts(t.of)})` : ts(t.of)}[]`;
    if (t.t === 'map') return `Record<string, ${ts(t.of)}>`;
    const short = scalarTs[t.t];
    if (/^[A-Z]/.test(short)) use('../src/scalars', short);
    return short;
  };
  const bodies = members.map((type) => {
    const lines = type.fields.map((f) => {
      const isMetaOrSpec = type.gvk && (f.name === 'metadata' || f.name === 'apiVersion' || f.name === 'kind');
      const optional = !f.required && !(isMetaOrSpec && f.name === 'metadata');
      return `  ${/^[a-zA-Z_$][\w$]*$/.test(f.name) ? f.name : JSON.stringify(f.name)}${optional ? '?' : ''}: ${ts(f.type)};`;
    });
    return `export interface ${shortName(type.name)} {\n${lines.join('\n')}\n}`.replace('{\n\n}', '{}');
  });
  const file = join(out, 'types', `${module}.ts`);
  mkdirSync(dirname(file), { recursive: true });
  const importLines = [...imports].sort().map(([from, names]) => `import type { ${[...names].sort().join(', ')} } from '${from.startsWith('../src') ? '../../../src/scalars.ts' : `../${from}.ts`}';`);
  writeFileSync(file, ['// Generated by api-schemas/gen/generate.ts. Do not edit.', ...importLines, '', bodies.join('\n\n'), ''].join('\n'));
}

const line = (items: unknown[]) => `[\n${items.map((item) => JSON.stringify(item)).join(',\n')}\n]\n`;
mkdirSync(out, { recursive: true });
writeFileSync(join(out, 'types.json'), line(types));
writeFileSync(join(out, 'go-names.json'), `{\n${Object.keys(goNames).sort().map((struct) => `${JSON.stringify(struct)}:${JSON.stringify(goNames[struct])}`).join(',\n')}\n}\n`);
writeFileSync(join(out, 'resources.json'), line(resources));
writeFileSync(join(out, 'groups.json'), line(groups));
console.log(`${types.length} types, ${resources.length} resources, ${groups.length} groups; ${unmatched.length} fields without a Go field${unmatched.length ? `: ${unmatched.slice(0, 10).join(', ')}` : ''}`);

// ---- typed constants for clients: packages/apimachinery/src/resource-types.ts
const constants: string[] = [];
const imported = new Map<string, Set<string>>();
const taken = new Set<string>();
for (const r of resources) {
  if (r.name.includes('/')) continue;
  const type = types.find((t) => t.gvk?.some((g) => g.group === (r.bodyGroup ?? r.group) && g.version === r.version && g.kind === r.kind));
  if (!type) continue;
  let shared = 0;
  while (shared < r.kind.length && shared < r.name.length && r.kind[shared].toLowerCase() === r.name[shared]) shared++;
  const camel = r.kind.slice(0, shared) + r.name.slice(shared);
  let constant = camel.replace(/^[A-Z]+(?=[A-Z][a-z])|^[A-Z]+$|^[A-Z]/, (m) => m.toLowerCase());
  if (/^(CSI|IP)/.test(r.kind)) constant = camel.replace(/^(CSI|IP)/, (m) => m.toLowerCase());
  let typeName = r.kind;
  let alias = typeName;
  if (taken.has(constant)) {
    const prefix = r.group ? r.group.split('.')[0] : 'core';
    constant = r.version === 'v1' ? `${prefix}${camel}` : `${constant}${r.version.toUpperCase()}`;
    alias = r.version === 'v1' ? `${prefix[0].toUpperCase()}${prefix.slice(1)}${typeName}` : `${typeName}${r.version.toUpperCase()}`;
  }
  taken.add(constant);
  const module = moduleOf(type.name);
  imported.set(module, (imported.get(module) ?? new Set()).add(alias === typeName ? typeName : `${typeName} as ${alias}`));
  constants.push(`export const ${constant}: ResourceType<${alias}> = { group: '${r.group}', version: '${r.version}', plural: '${r.name}', kind: '${r.kind}', namespaced: ${r.namespaced} };`);
}
const importText = [...imported].sort().map(([m, names]) => `import type { ${[...names].sort().join(', ')} } from '@pilothouse/api-schemas/types/${m}';`).join('\n');
writeFileSync(join(import.meta.dirname, '../../packages/apimachinery/src/resource-types.ts'), `// Generated by api-schemas/gen/generate.ts. Do not edit.\n${importText}\nimport type { ResourceType } from './meta.ts';\n\n${constants.join('\n')}\n`);
