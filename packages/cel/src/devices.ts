/** Selectors of devices (resource.k8s.io): compiled for checking and for choosing. Facts: dynamic-resource-allocation/cel. */
import { parseQuantity } from '@pilothouse/apimachinery';
import { estimateCost } from './cost/estimate.ts';
import { CelError } from './eval/errors.ts';
import { LiteralMap, MapValue, type Value } from './eval/values.ts';
import { compileKubernetes, kubernetesEnvironment, perCallLimit } from './kubernetes.ts';
import { bindingsLibrary } from './library/optionals.ts';
import { QuantityValue, quantityType, toSemver } from './library/quantities.ts';
import type { Program } from './program.ts';
import { type DeclaredField, type DeclaredType, provideTypes } from './schema/declared-type.ts';
import { JsonStruct } from './schema/values.ts';
import { boolType, dynType, mapOf, stringType, structOf, type Type } from './types.ts';

/** A device as selectors see it: attributes and capacities by `domain/name`, the driver's own without a domain. */
export interface DeviceFacts {
  driver: string;
  allowMultipleAllocations?: boolean;
  attributes?: Readonly<Record<string, { int?: number; bool?: boolean; string?: string; version?: string }>>;
  capacity?: Readonly<Record<string, { value: string }>>;
}

const simple = (type: Type, minSize: number, maxElements: number): DeclaredType => ({ type, minSize, maxElements });
const most = 32;
const text = (length: number) => simple(stringType, 2, length);
const map = (element: DeclaredType): DeclaredType => ({ type: mapOf(stringType, element.type), element, minSize: 2, maxElements: most });
const twice = (element: DeclaredType): DeclaredType => map(map(element));
const field = (name: string, declared: DeclaredType): [string, DeclaredField] => [name, { name, declared, schema: {} }];
const deviceType: DeclaredType = {
  type: structOf('kubernetes.DRADevice'),
  minSize: 2,
  maxElements: 0,
  fields: new Map([field('driver', text(63)), field('allowMultipleAllocations', simple(boolType, 4, 1)), field('attributes', twice(simple(dynType, 1, 64))), field('capacity', twice(simple(quantityType, 8, 0)))]),
};
const environment = kubernetesEnvironment.withLibraries(bindingsLibrary).extend({ device: deviceType.type }, provideTypes(deviceType));

/** How large what a path leads to may be; keys of maps may be selected like fields. */
function sizeOf(path: readonly string[]): { min: bigint; max: bigint } | undefined {
  if (!path.length) return undefined;
  let at: DeclaredType | undefined = deviceType;
  let depth = 0;
  for (const part of path.slice(1)) {
    if (part === '@keys') at = at.type.kind === 'map' ? text(depth === 1 ? 63 : 32) : undefined;
    else at = at.fields?.get(part)?.declared ?? at.element;
    depth++;
    if (!at) return undefined;
  }
  return { min: 0n, max: BigInt(at.maxElements) };
}

export interface DeviceSelector {
  program?: Program;
  error?: string;
  /** The expression could cost more than any run may. */
  tooComplex: boolean;
}

const cacheLimit = 1000;
let cache = new Map<string, DeviceSelector>();

export function compileDeviceSelector(expression: string): DeviceSelector {
  let known = cache.get(expression);
  if (!known) {
    if (cache.size >= cacheLimit) cache = new Map();
    cache.set(expression, (known = compile(expression)));
  }
  return known;
}

function compile(expression: string): DeviceSelector {
  const { program, issues } = compileKubernetes(expression, environment);
  if (!program) return { error: `compilation failed: ${issues}`, tooComplex: false };
  if (program.type.kind !== 'bool' && program.type.kind !== 'dyn') return { error: `must evaluate to bool or the unknown type, not ${program.type}`, tooComplex: false };
  return { program, tooComplex: estimateCost(program.expr, sizeOf).max > BigInt(perCallLimit) };
}

const nothing = new LiteralMap();
/** What a device says nothing of is empty, not missing. */
class Domains extends MapValue {
  readonly #domains: ReadonlyMap<string, LiteralMap>;
  constructor(domains: ReadonlyMap<string, LiteralMap>) {
    super();
    this.#domains = domains;
  }
  get size(): number {
    return this.#domains.size;
  }
  find(key: Value): Value | undefined {
    return typeof key === 'string' ? (this.#domains.get(key) ?? nothing) : undefined;
  }
  keys(): Iterable<Value> {
    return this.#domains.keys();
  }
}

function byDomain<T>(named: Readonly<Record<string, T>> | undefined, driver: string, value: (given: T, name: string) => Value): Domains {
  const domains = new Map<string, Map<string, Value>>();
  for (const [name, given] of Object.entries(named ?? {})) {
    const slash = name.indexOf('/');
    const [domain, id] = slash < 0 ? [driver, name] : [name.slice(0, slash), name.slice(slash + 1)];
    const inner = domains.get(domain) ?? new Map<string, Value>();
    domains.set(domain, inner.set(id, value(given, name)));
  }
  return new Domains(new Map([...domains].map(([domain, values]) => [domain, LiteralMap.of(values)])));
}

function attributeValue({ int, bool, string: written, version }: { int?: number; bool?: boolean; string?: string; version?: string }, name: string): Value {
  if (int !== undefined) return int;
  if (bool !== undefined) return bool;
  if (written !== undefined) return written;
  if (version === undefined) throw new Error(`attribute ${name}: unsupported attribute value`);
  try {
    return toSemver(version);
  } catch (error) {
    if (error instanceof CelError) throw new Error(`attribute ${name}: parse semantic version: ${error.message}`);
    throw error;
  }
}

/** By the attributes, which every question about a device shares. */
const made = new WeakMap<object, { driver: string; capacity: unknown; many: boolean | undefined; value: Value }>();
const asIs = (value: unknown): Value => value as Value;
const fields = new Map(['driver', 'allowMultipleAllocations', 'attributes', 'capacity'].map((name) => [name, { name, adapt: asIs }]));

function deviceValue(device: DeviceFacts): Value {
  const { driver, attributes, capacity, allowMultipleAllocations = false } = device;
  return new JsonStruct({ driver, allowMultipleAllocations, attributes: byDomain(attributes, driver, attributeValue), capacity: byDomain(capacity, driver, ({ value }) => new QuantityValue(parseQuantity(value))) }, fields, deviceType.type);
}

function deviceOf(device: DeviceFacts): Value {
  const { driver, capacity, attributes, allowMultipleAllocations: many } = device;
  const known = attributes && made.get(attributes);
  if (known && known.driver === driver && known.capacity === capacity && known.many === many) return known.value;
  const value = deviceValue(device);
  if (attributes) made.set(attributes, { driver, capacity, many, value });
  return value;
}

/** Whether a device is what an expression asks for. @throws Error for an expression that is wrong, or fails on the device */
export function matchesDevice(expression: string, device: DeviceFacts): boolean {
  const { program, error } = compileDeviceSelector(expression);
  if (!program) throw new Error(error);
  const outcome = program.run({ device: deviceOf(device) }, perCallLimit);
  if (outcome.error !== undefined) throw new Error(outcome.error);
  if (typeof outcome.value !== 'boolean') throw new Error('CEL result could not be converted to bool');
  return outcome.value;
}
