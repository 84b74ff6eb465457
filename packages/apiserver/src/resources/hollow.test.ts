/** No rule may stumble over what is absent, empty or zero: every field of every kind here, one at a time. */
import { builtinTypes, type TypeRef } from '@pilothouse/api-schemas';
import { applyDefaults, decodeObject, type KubeObject } from '@pilothouse/apimachinery';
import { expect, test } from 'vitest';
import type { ResourceDefinition, WriteContext } from '../contract.ts';
import { builtinDefinitions } from './index.ts';

const definitions = builtinDefinitions({ serviceClusterIpRanges: ['10.20.0.0/28'], serviceNodePortRange: { from: 31000, to: 31003 } });
const context = {
  user: { name: 'ann', groups: [], extra: {} },
  namespace: 'ns',
  dryRun: false,
  subresource: '',
  read: { get: async () => undefined, list: async () => [] },
  clock: { now: () => Date.UTC(2030, 0, 1), nowMs: () => 0 },
  random: { below: () => 0, uuid: () => '00000000-0000-4000-8000-000000000000' },
  warn: () => undefined,
} as unknown as WriteContext;

const pod = { containers: [{ name: 'main', image: 'tool:1' }] };
const template = { metadata: { labels: { a: 'b' } }, spec: pod };
const workload = { spec: { selector: { matchLabels: { a: 'b' } }, template } };
const jobSpec = { template: { spec: { ...pod, restartPolicy: 'Never' } } };
const bases: [group: string, plural: string, body: object][] = [
  ['', 'pods', { spec: pod }],
  ['', 'services', { spec: { ports: [{ port: 80 }] } }],
  ['', 'persistentvolumes', { spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' } } }],
  ['', 'persistentvolumeclaims', { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }],
  ['', 'nodes', {}],
  ['', 'namespaces', {}],
  ['', 'secrets', {}],
  ['', 'configmaps', {}],
  ['', 'limitranges', { spec: { limits: [{ type: 'Container' }] } }],
  ['', 'resourcequotas', {}],
  ['', 'endpoints', {}],
  ['', 'events', {}],
  ['', 'replicationcontrollers', { spec: { selector: { a: 'b' }, template } }],
  ['', 'podtemplates', { template }],
  ['', 'serviceaccounts', {}],
  ['apps', 'deployments', workload],
  ['apps', 'replicasets', workload],
  ['apps', 'daemonsets', workload],
  ['apps', 'statefulsets', workload],
  ['apps', 'controllerrevisions', { revision: 1, data: {} }],
  ['batch', 'jobs', { spec: jobSpec }],
  ['batch', 'cronjobs', { spec: { schedule: '* * * * *', jobTemplate: { spec: jobSpec } } }],
];

const podSpecType = 'io.k8s.api.core.v1.PodSpec';

type Path = (string | number)[];

/** Every place of a type with hollow values for it. `through`: types on the way, not entered twice. */
function* places(type: TypeRef, path: Path, through: readonly string[]): Generator<[Path, unknown]> {
  if (type.t === 'list') {
    yield [path, []];
    yield* places(type.of, [...path, 0], through);
  } else if (type.t === 'map') {
    yield [path, {}];
    yield* places(type.of, [...path, 'k'], through);
  } else if (type.t === 'ref') {
    yield [path, {}];
    if (through.includes(type.ref)) return;
    for (const field of builtinTypes.get(type.ref)?.fields ?? []) if (field.name !== 'managedFields') yield* places(field.type, [...path, field.name], [...through, type.ref]);
  } else if (type.t === 'string' || type.t === 'bytes') {
    yield [path, ''];
    yield [path, 'Value'];
  } else if (type.t === 'bool') {
    yield [path, true];
    yield [path, false];
  } else if (type.t === 'int32' || type.t === 'int64' || type.t === 'intOrString') {
    yield [path, 0];
    yield [path, -1];
  } else if (type.t === 'quantity') {
    yield [path, '0'];
    yield [path, '-1500m'];
  } else if (type.t === 'time' || type.t === 'microTime') {
    yield [path, null];
  }
}

function put(target: any, path: Path, value: unknown): void {
  path.slice(0, -1).forEach((key, i) => {
    target[key] ??= typeof path[i + 1] === 'number' ? [] : {};
    target = target[key];
  });
  target[path.at(-1)!] = value;
}

function decode({ schema, strategy }: ResourceDefinition, body: object): any {
  const type = builtinTypes.get(schema)!;
  const { object } = decodeObject(type, structuredClone(body)) as { object: KubeObject };
  applyDefaults(type, object);
  strategy.defaults?.(object);
  return object;
}

function created(definition: ResourceDefinition, body: object): any {
  const object = decode(definition, body);
  definition.strategy.prepareForCreate?.(object, context);
  definition.strategy.validate?.(object, context);
  definition.strategy.warnings?.(object, undefined);
  return object;
}

function updated(definition: ResourceDefinition, body: object, stored: object, subresource: string): void {
  const { strategy } = definition;
  const within = { ...context, subresource };
  const object = decode(definition, body);
  const old = structuredClone(stored);
  strategy.prepareForUpdate?.(object, old as never, within);
  if (subresource === 'status') strategy.validateStatusUpdate?.(object, old as never, within);
  else strategy.validateUpdate?.(object, old as never, within);
  strategy.warnings?.(object, old as never);
}

test.each(bases)('%s/%s: hollow fields are judged, on create, update and status', (group, plural, body) => {
  const definition = definitions.find((d) => d.type.group === group && d.type.plural === plural)!;
  const base = { metadata: { name: 'x', ...(definition.type.namespaced && { namespace: 'ns' }) }, ...body };
  const stored = created(definition, base);
  const stumbles = new Set<string>();
  // Pods' specs are gone through with pods and their templates.
  const known = plural === 'pods' || plural === 'podtemplates' ? [] : [podSpecType];
  for (const [path, value] of places({ t: 'ref', ref: definition.schema }, [], known)) {
    if (!path.length || path[0] === 'kind' || path[0] === 'apiVersion') continue;
    const changed = structuredClone(base);
    put(changed, path, value);
    const attempt = (what: string, run: () => void) => {
      try {
        run();
      } catch (error) {
        if ((error as Error).constructor.name !== 'StatusError') stumbles.add(`${what} ${path.join('.')}=${JSON.stringify(value)}: ${(error as Error).stack?.split('\n').slice(0, 2).join(' ')}`);
      }
    };
    attempt('create', () => created(definition, changed));
    for (const subresource of ['', 'status']) attempt(`update ${subresource}`, () => updated(definition, changed, stored, subresource));
    attempt('update back', () => updated(definition, base, decode(definition, changed), ''));
    if (path[0] === 'status') attempt('status back', () => updated(definition, base, decode(definition, changed), 'status'));
    if (plural === 'pods') for (const subresource of ['resize', 'ephemeralcontainers']) attempt(`update ${subresource}`, () => updated(definition, changed, stored, subresource));
  }
  expect([...stumbles].slice(0, 40)).toEqual([]);
}, 60_000);
