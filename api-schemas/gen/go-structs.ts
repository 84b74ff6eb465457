/**
 * Writes api-schemas/generated/pod-template-structs.json: the Go structs that a pod template is made of, field by field,
 * as reflection shows them. The hash in the names of replica sets is one of a dump of these structs.
 *
 *   node api-schemas/gen/go-structs.ts --go-types PREFIX=DIR…      (as for generate.ts)
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type GoField, readGoNamedTypes, readGoStructs } from './read-go-fields.ts';

const { values } = parseArgs({ options: { 'go-types': { type: 'string', multiple: true }, out: { type: 'string' } } });
if (!values['go-types']) throw new Error('needed: --go-types io.k8s.api=DIR --go-types io.k8s.apimachinery=DIR');
const roots = new Map(values['go-types'].map((pair) => pair.split('=') as [string, string]));
const core = join(roots.get('io.k8s.api')!, 'core/v1');
const meta = join(roots.get('io.k8s.apimachinery')!, 'pkg/apis/meta/v1');
const packages: Record<string, { structs: Map<string, GoField[]>; named: Map<string, string> }> = {
  core: { structs: readGoStructs(core), named: readGoNamedTypes(core) },
  meta: { structs: readGoStructs(meta), named: readGoNamedTypes(meta) },
};
/** Types that are dumped by rules of their own, and those of other packages. */
const opaque: Record<string, string> = { 'resource.Quantity': 'quantity', 'intstr.IntOrString': 'intOrString', 'meta.Time': 'time', 'types.UID': 'string' };
const predeclared = new Set(['string', 'bool', 'int32', 'int64', 'int']);

const written: Record<string, [field: string, json: string, type: string, underlying: string][]> = {};
const owner = new Map<string, string>();
/** `metav1.Time` in core is `meta.Time`; as reflection prints it, `v1.Time`. */
const qualify = (word: string, from: string) => (predeclared.has(word) || word === 'map' ? word : word.includes('.') ? word.replace(/^metav1\./, 'meta.') : `${from}.${word}`);
const print = (type: string) => type.replace(/\b(core|meta)\./g, 'v1.');

/** What a type is made of, in the letters of the table; visits structs on the way. */
function underlying(type: string): string {
  if (type.startsWith('*')) return `*${underlying(type.slice(1))}`;
  if (type.startsWith('[]')) return `[]${underlying(type.slice(2))}`;
  const map = /^map\[(.+?)\](.+)$/.exec(type);
  if (map) return `map ${underlying(map[2])}`;
  if (predeclared.has(type)) return type;
  if (opaque[type]) return opaque[type];
  const [pack, name] = type.split('.');
  const { structs, named } = packages[pack] ?? {};
  const over = named?.get(name);
  if (over) return underlying(over.replaceAll(/[\w.]+/g, (word) => qualify(word, pack)));
  if (!structs?.has(name)) throw new Error(`nothing is known of ${type}`);
  visit(pack, name);
  return `{${name}}`;
}

function visit(pack: string, name: string): void {
  if (owner.has(name) && owner.get(name) !== pack) throw new Error(`${name} is a struct of two packages: the table needs longer names`);
  if (written[name]) return;
  owner.set(name, pack);
  written[name] = [];
  for (const field of packages[pack].structs.get(name)!) {
    const type = field.goType.replaceAll(/[\w.]+/g, (word) => qualify(word, pack));
    // Nobody sets them in a template, and nothing below them can be seen.
    const made = field.goType === '[]ManagedFieldsEntry' ? '[]{}' : underlying(type);
    written[name].push([field.goName ?? field.inline!, field.inline ? '' : field.name, print(type), made]);
  }
}

visit('core', 'PodTemplateSpec');
const lines = Object.keys(written).sort().map((name) => `${JSON.stringify(name)}:${JSON.stringify(written[name])}`);
writeFileSync(join(values.out ?? join(import.meta.dirname, '../generated'), 'pod-template-structs.json'), `{\n${lines.join(',\n')}\n}\n`);
console.log(`${lines.length} structs`);
