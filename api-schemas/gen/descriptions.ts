/**
 * Collects the descriptions of types and fields for the OpenAPI documents from the types packages of the official
 * JavaScript client, of kubernetes-models and of kubernetes-types (development dependencies). They are not kept in this repository: the
 * build writes them beside the program.
 *
 *   node api-schemas/gen/descriptions.ts OUT.json
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { builtinTypes } from '../src/index.ts';

/** OpenAPI type name → description under `''`, fields' under their names. */
export type Descriptions = Record<string, Record<string, string>>;

const require = createRequire(import.meta.url);
const clientModels = join(dirname(require.resolve('@kubernetes/client-node')), 'gen/models');
const modelsRoot = dirname(require.resolve('kubernetes-models/package.json'));
const machineryRoot = dirname(createRequire(join(modelsRoot, 'package.json')).resolve('@kubernetes-models/apimachinery/package.json'));

/** Text of a `/** … *\/` block: the leading ` * ` of each line taken off. */
const commentText = (block: string): string =>
  block.split('\n').slice(1, -1).map((line) => line.replace(/^\s*\* ?/, '')).join('\n').replaceAll('*\\/', '*/').replaceAll('\\*', '*').replace(/\n@deprecated\s*$/, '').trim();

/** Doc comments of a declaration file: that of the type under '', those of members indented by four spaces under their names. */
function readComments(file: string, backslashes: boolean, owner: RegExp): Record<string, string> {
  if (!existsSync(file)) return {};
  const text = readFileSync(file, 'utf8');
  const clean = (s: string) => (backslashes ? s.replace(/\\(['"\\])/g, '$1') : s);
  const found: Record<string, string> = {};
  const start = text.search(owner);
  if (start < 0) return found;
  const before = text.slice(0, start).trimEnd();
  if (before.endsWith('*/')) found[''] = clean(commentText(before.slice(before.lastIndexOf('/**'))));
  const end = text.indexOf('\n}', start);
  const body = text.slice(start, end < 0 ? undefined : end);
  for (const m of body.matchAll(/^ {4}(\/\*\*\n(?:.*\n)*?\s*\*\/)\n {4}(?:static )?["']?([\w$-]+)["']?\??:/gm)) found[m[2]] = clean(commentText(m[1]));
  return found;
}

/** Where the text of quantities is, which the other packages leave out; undefined where it is not installed: then the document has a text of its own. */
function quantityText(): string | undefined {
  try {
    return readComments(join(dirname(require.resolve('kubernetes-types/package.json')), 'api/resource.d.ts'), false, /export type Quantity\b/)[''];
  } catch {
    return undefined;
  }
}

/** Types that are one value and so have no fields. */
const scalarTypes = ['api.resource.Quantity', 'apis.meta.v1.FieldsV1', 'apis.meta.v1.MicroTime', 'apis.meta.v1.Time', 'apis.meta.v1.Patch', 'runtime.RawExtension', 'util.intstr.IntOrString'].map((name) => `io.k8s.apimachinery.pkg.${name}`);

/** Older types, not served, whose texts the columns of tables still show. */
const olderTypes: Record<string, readonly string[]> = {
  'io.k8s.api.certificates.v1beta1.CertificateSigningRequestSpec': ['signerName', 'request'],
  'io.k8s.api.certificates.v1beta1.CertificateSigningRequestStatus': ['conditions'],
  'io.k8s.api.rbac.v1beta1.RoleBinding': ['roleRef'],
  'io.k8s.api.rbac.v1beta1.ClusterRoleBinding': ['roleRef'],
};

function describe(name: string): Record<string, string> {
  const parts = name.split('.');
  const kind = parts.at(-1)!;
  const version = parts.at(-2)!;
  const group = parts.at(-3)!;
  const V = version[0].toUpperCase() + version.slice(1);
  const G = group[0].toUpperCase() + group.slice(1);
  const flat: Record<string, string> = {};
  for (const model of [`${V}${kind}`, `${G}${V}${kind}`, `${kind === 'Info' ? 'VersionInfo' : `${G}${V}${kind}`}`]) {
    Object.assign(flat, readComments(join(clientModels, `${model}.d.ts`), true, /export declare class /));
  }
  const isMachinery = name.startsWith('io.k8s.apimachinery');
  const folder = isMachinery ? machineryRoot : modelsRoot;
  const groupFolders = isMachinery ? ['apis/meta/v1', 'api/resource', 'runtime', 'util/intstr'] : [group === 'core' ? version : `${group}/${version}`, `${group}.k8s.io/${version}`, `${group}.authorization.k8s.io/${version}`, `${group}.apiserver.k8s.io/${version}`];
  // kubernetes-models keeps line breaks and the descriptions of fields that refer to another type: it goes first.
  const result: Record<string, string> = {};
  for (const g of groupFolders) Object.assign(result, readComments(join(folder, g, `${kind}.d.ts`), false, new RegExp(`export (?:declare )?(?:interface|type) I${kind}\\b`)));
  return { ...flat, ...result };
}

/** Descriptions of every built-in type. */
export function collectDescriptions(): Descriptions {
  const all: Descriptions = {};
  for (const type of [...builtinTypes.values(), ...scalarTypes.map((name) => ({ name, fields: [] }))]) {
    const found = describe(type.name);
    const known = new Set(['', ...type.fields.map((f) => f.name)]);
    // A field of a free-form type comes with that type's text: it is not the field's own.
    for (const field of type.fields) if (field.type.t === 'json' && type.name.endsWith('.JSONSchemaProps')) known.delete(field.name);
    const kept = Object.fromEntries(Object.entries(found).filter(([field, text]) => known.has(field) && text));
    if (Object.keys(kept).length) all[type.name] = kept;
  }
  const quantity = quantityText();
  if (quantity) all['io.k8s.apimachinery.pkg.api.resource.Quantity'] = { '': quantity };
  for (const [name, fields] of Object.entries(olderTypes)) {
    const found = describe(name);
    all[name] = Object.fromEntries(fields.flatMap((field) => (found[field] ? [[field, found[field]]] : [])));
  }
  return all;
}

/**
 * Texts of query parameters: parameter → text, and `operation.parameter` → text where an operation's differs from the
 * usual one. Operations by their OpenAPI id without group and version, e.g. `readNamespacedPodLog`.
 */
export function collectParameterTexts(): Record<string, string> {
  const seen = new Map<string, Map<string, string[]>>();
  for (const file of readdirSync(join(clientModels, '../apis'))) {
    if (!/V\d+Api\.d\.ts$/.test(file)) continue;
    const text = readFileSync(join(clientModels, '../apis', file), 'utf8');
    for (const m of text.matchAll(/\/\*\*\n((?: +\* .*\n)+) +\*\/\n +(\w+)\(/g)) {
      for (const p of m[1].matchAll(/@param _?(\w+) (.+)\n/g)) {
        if (['name', 'namespace', 'body', 'path'].includes(p[1]) && !/Proxy/.test(m[2])) continue;
        const words = unescapeHtml(p[2]);
        const byText = seen.get(p[1]) ?? new Map<string, string[]>();
        seen.set(p[1], byText);
        byText.set(words, [...(byText.get(words) ?? []), m[2]]);
      }
    }
  }
  const texts: Record<string, string> = {};
  for (const [parameter, byText] of seen) {
    const [usual, ...others] = [...byText].sort((a, b) => b[1].length - a[1].length);
    texts[parameter] = usual[0];
    for (const [words, operations] of others) for (const operation of operations) texts[`${operation}.${parameter}`] = words;
  }
  return texts;
}
const unescapeHtml = (s: string) =>
  withLineBreaks(s.replace(/\\?&#39;/g, "'").replace(/\\?&quot;/g, '"').replace(/\\?&lt;/g, '<').replace(/\\?&gt;/g, '>').replace(/\\?&#x60;/g, '`').replace(/\\?&#x3D;/g, '=').replace(/\\?&amp;/g, '&').replaceAll('\\', '')).trim();

/** Where a line begins with neither a capital letter nor an indentation that would tell. */
const lineStarts = [/ (?=- `resourceVersionMatch` set to)/g, / {2}(?=hexStart and hexEnd)/g];

/** The client's comments have a blank for every line break: indented lines and paragraphs are told by the blanks before them. */
function withLineBreaks(text: string): string {
  const [item, paragraph] = lineStarts;
  const broken = text.replace(item, '\n').replace(paragraph, '\n\n').replace(/: {4}(?=\S)/g, ':\n\n  ').replace(/ {3,}(?=\S)/g, (blanks) => `\n${blanks.slice(1)}`);
  return text.startsWith('insecureSkip') ? broken : broken.replace(/([.)]) {2}(?=[A-Z])/g, '$1\n\n');
}

if (process.argv[1] === import.meta.filename) writeFileSync(process.argv[2], JSON.stringify({ types: collectDescriptions(), parameters: collectParameterTexts() }));
