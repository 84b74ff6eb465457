/** Objects of the built-in kinds, made from their published types: the shape is right, the values mostly are. */
import { builtinResources, builtinTypes, type FieldSchema, type ResourceFacts, type TypeRef, typeOfKind } from '@pilothouse/api-schemas';
import type { Dice } from '../suite.ts';
import { things } from './custom.ts';
import { seedOf } from './seeds.ts';
import { hostileText } from './values.ts';

/** Resources whose objects are kept, and can be made by a POST; the custom one more than once, for it stands for many. */
export const storedResources: readonly ResourceFacts[] = [...builtinResources, ...Array.from({ length: 4 }, () => things)].filter((r) => !r.name.includes('/') && r.verbs.includes('create') && r.verbs.includes('get'));
/** Resources that only answer: reviews. */
export const answeringResources: readonly ResourceFacts[] = builtinResources.filter((r) => !r.name.includes('/') && r.verbs.includes('create') && !r.verbs.includes('get'));

export const subresourcesOf = ({ group, version, name }: ResourceFacts): readonly ResourceFacts[] => builtinResources.filter((r) => r.group === group && r.version === version && r.name.startsWith(`${name}/`));

export const apiVersionOf = ({ group, version }: Pick<ResourceFacts, 'group' | 'version'>): string => (group ? `${group}/${version}` : version);

/** `/apis/apps/v1/namespaces/<namespace>/deployments`. */
export const collectionPath = (resource: ResourceFacts, namespace: string): string => `${resource.group ? `/apis/${resource.group}/${resource.version}` : `/api/${resource.version}`}${resource.namespaced ? `/namespaces/${namespace}` : ''}/${resource.name}`;

const words = ['a', 'web', 'app', 'x-1', 'example.com/a', 'tcp', 'v1', 'main', 'ReadWriteOnce', 'kubernetes.io/x'];

/** A value of the type. `depth`: how many levels of optional fields it may still have. */
export function fieldValue(type: TypeRef, dice: Dice, depth: number, field?: FieldSchema): unknown {
  switch (type.t) {
    case 'string':
      return field?.enum?.length && !dice.once(6) ? dice.pick(field.enum) : dice.once(8) ? hostileText(dice) : dice.pick(words);
    case 'bool':
      return dice.once(2);
    case 'int32':
    case 'int64':
      return dice.pick([0, 1, 2, 3, 80, 443, -1, 100, 65_535, 2 ** 31 - 1]);
    case 'double':
      return dice.pick([0, 0.5, -1, 1e9]);
    case 'bytes':
      return Buffer.from(dice.bytes(dice.below(20))).toString('base64');
    case 'quantity':
      return dice.pick(['1', '100m', '1Gi', '0', '1.5', '-1', '10k', '1e3', 5]);
    case 'intOrString':
      return dice.pick([1, 80, 'http', '25%', '0', '-1%']);
    case 'time':
      return dice.pick(['2026-01-02T03:04:05Z', '2026-01-02T03:04:05+01:00', '1970-01-01T00:00:00Z']);
    case 'microTime':
      return dice.pick(['2026-01-02T03:04:05.123456Z', '2026-01-02T03:04:05.000000Z']);
    case 'duration':
      return dice.pick(['1s', '5m0s', '0s']);
    case 'json':
      return dice.pick<unknown>([1, 'a', true, { a: [1] }, [1, 'x'], null]);
    case 'raw':
      return { apiVersion: 'v1', kind: 'ConfigMap', data: { a: 'b' } };
    case 'list':
      return Array.from({ length: dice.below(3) + 1 }, () => fieldValue(type.of, dice, depth - 1));
    case 'map':
      return Object.fromEntries(Array.from({ length: dice.below(3) }, () => [dice.once(10) ? hostileText(dice, false) : dice.pick(words), fieldValue(type.of, dice, depth - 1)]));
    case 'ref':
      return structOf(type.ref, dice, depth);
  }
}

function structOf(name: string, dice: Dice, depth: number): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const field of builtinTypes.get(name)?.fields ?? []) {
    if (!field.required && (depth <= 0 || !dice.once(3))) continue;
    if (depth < -8) continue;
    out[field.name] = fieldValue(field.type, dice, depth - 1, field);
  }
  return out;
}

export const namesFrom = (dice: Dice): string => `f${dice.suffix(6)}`;

/** An object of the resource: often its seed alone (which is accepted), else with fields of its type's added. */
export function objectOf(resource: ResourceFacts, dice: Dice, namespace: string, name = namesFrom(dice)): Record<string, any> {
  const { kind } = resource;
  const type = typeOfKind(resource.group, resource.version, kind);
  const seed = structuredClone(seedOf(resource, name)) as Record<string, any>;
  const object: Record<string, any> = { apiVersion: apiVersionOf(resource), kind, ...seed, metadata: { name, ...(resource.namespaced && { namespace }), labels: { app: 'web', f: name.slice(0, 60) }, annotations: { note: 'fuzz' }, ...seed.metadata } };
  if (!type || dice.once(2)) return object;
  for (let added = dice.between(1, 3); added > 0; added--) addField(object, type.name, dice, dice.between(1, 4));
  return object;
}

/** Walks down to some struct below the object and gives it a field that it lacks. */
function addField(object: Record<string, any>, typeName: string, dice: Dice, steps: number): void {
  const fields = builtinTypes.get(typeName)?.fields ?? [];
  const below = fields.filter(({ name, type }) => (type.t === 'ref' && typeof object[name] === 'object' && object[name] !== null) || (type.t === 'list' && type.of.t === 'ref' && object[name]?.[0]));
  if (steps > 0 && below.length && !dice.once(4)) {
    const { name, type } = dice.pick(below);
    if (type.t === 'ref') addField(object[name], type.ref, dice, steps - 1);
    else if (type.t === 'list' && type.of.t === 'ref') addField(dice.pick(object[name] as any[]), type.of.ref, dice, steps - 1);
    return;
  }
  const missing = fields.filter(({ name }) => object[name] === undefined && !['apiVersion', 'kind', 'deletionTimestamp', 'namespace'].includes(name));
  if (!missing.length) return;
  const field = dice.pick(missing);
  object[field.name] = fieldValue(field.type, dice, 3, field);
}
