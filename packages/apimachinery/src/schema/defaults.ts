import { builtinTypes, type FieldSchema, type TypeRef, type TypeSchema } from '@pilothouse/api-schemas';

type Apply = (value: any) => void;

/** undefined: nothing below has a default. Types that contain themselves are left alone: none of them has defaults. */
const compiled = new Map<TypeSchema, Apply | undefined>();

/** Sets the defaults that the published schema states. Only where the field is absent; never makes an object that is absent. */
export function applyDefaults(type: TypeSchema, object: unknown): void {
  compile(type)?.(object);
}

/** The published schema writes `default: ""`, `0` or `{}` for every field Go keeps by value: those are no defaults. */
const isPlaceholder = (value: unknown): boolean => value === undefined || value === '' || value === 0 || value === false || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

function compile(type: TypeSchema): Apply | undefined {
  if (compiled.has(type)) return compiled.get(type);
  compiled.set(type, undefined);
  const steps: Apply[] = [];
  for (const field of type.fields) {
    const step = fieldStep(field);
    if (step) steps.push(step);
  }
  const apply: Apply | undefined = steps.length
    ? (object) => {
        for (let i = 0; i < steps.length; i++) steps[i](object);
      }
    : undefined;
  compiled.set(type, apply);
  return apply;
}

function fieldStep(field: FieldSchema): Apply | undefined {
  const { name } = field;
  if (!isPlaceholder(field.default)) {
    const value = field.default;
    if (typeof value === 'object') throw new Error(`Compile defaults: ${name} has a default that is not a scalar`);
    return (object) => {
      if (object[name] === undefined || (!field.pointer && object[name] === null)) object[name] = value;
    };
  }
  const below = refStep(field.type);
  return (
    below &&
    ((object) => {
      const value = object[name];
      if (value !== undefined && value !== null) below(value);
    })
  );
}

function refStep(ref: TypeRef): Apply | undefined {
  if (ref.t === 'ref') {
    const type = builtinTypes.get(ref.ref);
    return type && compile(type);
  }
  if (ref.t !== 'list' && ref.t !== 'map') return undefined;
  const element = refStep(ref.of);
  if (!element) return undefined;
  if (ref.t === 'list')
    return (list: any[]) => {
      for (let i = 0; i < list.length; i++) element(list[i]);
    };
  return (map: Record<string, unknown>) => {
    for (const key in map) element(map[key]);
  };
}
