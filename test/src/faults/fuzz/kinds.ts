/** The kinds of requests that are made up: each a function from chance (and, for some, a stored object) to a request. */
import type { ResourceFacts } from '@pilothouse/api-schemas';
import { protobufType } from '@pilothouse/apiserver/request/negotiate';
import type { Dice } from '../suite.ts';
import { mutate, mutateOnce } from './mutate.ts';
import { answeringResources, collectionPath, objectOf, storedResources, subresourcesOf } from './objects.ts';
import { applyBody, jsonPatchOf, mergePatchOf, strategicPatchOf } from './patches.ts';
import { protobufBytes } from './protobuf-bytes.ts';
import { queryOf } from './queries.ts';
import type { FuzzRequest } from './request.ts';
import { hostilePath, oddHeaders } from './wire-text.ts';
import { badTokens, hostileText, hostileValue, jsonText } from './values.ts';
import { yamlText } from './yaml-text.ts';

export interface Target {
  resource: ResourceFacts;
  namespace: string;
  /** Of an object of the resource that is stored; only for kinds that need one. */
  name: string;
  object: Record<string, any>;
}

export interface FuzzKind {
  name: string;
  /** How often, against the others. */
  weight: number;
  /** Needs a stored object. */
  onStored?: true;
  make(dice: Dice, target: Target): FuzzRequest;
}

const json = { 'content-type': 'application/json' };

/** JSON text, now and then broken. */
function bodyText(value: unknown, dice: Dice): Buffer {
  const text = jsonText(value);
  if (!dice.once(12)) return Buffer.from(text);
  const at = dice.below(text.length + 1);
  switch (dice.below(4)) {
    case 0:
      return Buffer.from(text.slice(0, at));
    case 1:
      return Buffer.from(text.slice(0, at) + dice.pick(badTokens) + text.slice(at));
    case 2:
      return Buffer.concat([Buffer.from(text.slice(0, at)), Buffer.from(dice.bytes(dice.between(1, 6))), Buffer.from(text.slice(at))]);
    default:
      return Buffer.from(`${text}${dice.pick([' ', '\n\n', 'x', text, '\0', ','])}`);
  }
}

const withQuery = (url: string, query: string): string => (query ? `${url}?${query}` : url);
const itemPath = ({ resource, namespace, name }: Target): string => `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;

/** What a client would put: the stored object, unbound from its revision (mostly). */
const unbound = (object: Record<string, any>, dice: Dice): Record<string, any> => {
  const { uid: _, resourceVersion, creationTimestamp: __, managedFields: ___, ...metadata } = object.metadata;
  return { ...object, metadata: { ...metadata, ...(dice.once(4) && { resourceVersion }) } };
};

export const fuzzKinds: readonly FuzzKind[] = [
  {
    name: 'create as JSON',
    weight: 10,
    make: (dice, { resource, namespace }) => ({ method: 'POST', url: withQuery(collectionPath(resource, namespace), dice.once(5) ? queryOf(dice, 'write') : ''), headers: json, body: bodyText(mutate(objectOf(resource, dice, namespace), dice, dice.below(4)), dice) }),
  },
  {
    name: 'create as YAML',
    weight: 4,
    make: (dice, { resource, namespace }) => ({ method: 'POST', url: withQuery(collectionPath(resource, namespace), dice.once(5) ? queryOf(dice, 'write') : ''), headers: { 'content-type': 'application/yaml' }, body: Buffer.from(yamlText(mutate(objectOf(resource, dice, namespace), dice, dice.below(2)), dice)) }),
  },
  {
    name: 'create as protobuf',
    weight: 5,
    make: (dice, { resource, namespace }) => ({ method: 'POST', url: collectionPath(resource, namespace), headers: { 'content-type': protobufType, ...(dice.once(2) && { accept: protobufType }) }, body: protobufBytes(objectOf(resource, dice, namespace), dice) }),
  },
  {
    name: 'review',
    weight: 1,
    make: (dice, { namespace }) => {
      const resource = dice.pick(answeringResources);
      return { method: 'POST', url: collectionPath(resource, namespace), headers: json, body: bodyText(mutate(objectOf(resource, dice, namespace), dice, dice.below(3)), dice) };
    },
  },
  {
    name: 'update',
    weight: 8,
    onStored: true,
    make: (dice, target) => ({ method: 'PUT', url: withQuery(itemPath(target), dice.once(6) ? queryOf(dice, 'write') : ''), headers: json, body: bodyText(mutate(unbound(target.object, dice), dice, dice.between(0, 3)), dice) }),
  },
  {
    name: 'subresource',
    weight: 5,
    onStored: true,
    make: (dice, target) => {
      const sub = dice.pick([...subresourcesOf(target.resource), { name: '/nothing' }]);
      const url = `${itemPath(target)}/${sub.name.slice(sub.name.indexOf('/') + 1)}`;
      const body = { ...unbound(target.object, dice), ...(dice.once(2) && { spec: hostileValue(dice), status: hostileValue(dice) }) };
      return dice.pick<() => FuzzRequest>([
        () => ({ method: 'PUT', url, headers: json, body: bodyText(mutate(body, dice, dice.below(2)), dice) }),
        () => ({ method: 'POST', url: withQuery(url, dice.once(2) ? queryOf(dice, 'any') : ''), headers: json, body: bodyText(mutate(body, dice, 1), dice) }),
        () => ({ method: 'GET', url: withQuery(url, queryOf(dice, 'any')), headers: oddHeaders(dice) }),
        () => ({ method: 'PATCH', url, headers: { 'content-type': 'application/merge-patch+json' }, body: bodyText(mergePatchOf(target, dice), dice) }),
      ])();
    },
  },
  {
    name: 'JSON patch',
    weight: 6,
    onStored: true,
    make: (dice, target) => ({ method: 'PATCH', url: itemPath(target), headers: { 'content-type': 'application/json-patch+json' }, body: bodyText(jsonPatchOf(target, dice), dice) }),
  },
  {
    name: 'merge patch',
    weight: 6,
    onStored: true,
    make: (dice, target) => ({ method: 'PATCH', url: withQuery(itemPath(target), dice.once(6) ? queryOf(dice, 'write') : ''), headers: { 'content-type': 'application/merge-patch+json' }, body: bodyText(mergePatchOf(target, dice), dice) }),
  },
  {
    name: 'strategic patch',
    weight: 7,
    onStored: true,
    make: (dice, target) => ({ method: 'PATCH', url: itemPath(target), headers: { 'content-type': 'application/strategic-merge-patch+json' }, body: bodyText(strategicPatchOf(target, dice), dice) }),
  },
  {
    name: 'apply',
    weight: 7,
    onStored: true,
    make: (dice, target) => {
      const value = applyBody(target, dice);
      return { method: 'PATCH', url: `${itemPath(dice.once(5) ? { ...target, name: `${target.name}n` } : target)}?fieldManager=${dice.pick(['f', 'g', 'fuzz'])}${dice.once(2) ? '&force=true' : ''}${dice.once(6) ? `&${queryOf(dice, 'write')}` : ''}`, headers: { 'content-type': 'application/apply-patch+yaml' }, body: Buffer.from(dice.once(3) ? yamlText(value, dice) : jsonText(value)) };
    },
  },
  {
    name: 'list or watch',
    weight: 8,
    onStored: true,
    make: (dice, target) => ({ method: 'GET', url: `${dice.once(8) ? itemPath(target) : collectionPath(target.resource, dice.once(4) ? hostilePath(dice) : target.namespace)}?${queryOf(dice, 'list')}`, headers: oddHeaders(dice) }),
  },
  {
    name: 'path',
    weight: 5,
    make: (dice) => ({ method: dice.pick(['GET', 'GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'CONSTRUCTOR']), url: withQuery(hostilePath(dice), dice.once(3) ? queryOf(dice, 'any') : ''), headers: dice.once(3) ? oddHeaders(dice) : {} }),
  },
  {
    name: 'headers',
    weight: 5,
    onStored: true,
    make: (dice, target) => {
      const method = dice.pick(['GET', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE']);
      return { method, url: method === 'POST' ? collectionPath(target.resource, target.namespace) : itemPath(target), headers: oddHeaders(dice), ...(method !== 'GET' && { body: Buffer.from(jsonText(method === 'DELETE' ? {} : target.object)) }) };
    },
  },
  {
    name: 'delete',
    weight: 4,
    onStored: true,
    make: (dice, target) => {
      const options = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: dice.pick<unknown>([0, -1, 1.5, 1e20, 'x', null]), propagationPolicy: dice.pick<unknown>(['Foreground', 'Background', 'Orphan', 'x', 1]), preconditions: dice.pick<unknown>([undefined, { uid: 'x' }, { resourceVersion: 'x' }, {}, [], hostileText(dice)]), dryRun: dice.pick<unknown>([undefined, ['All'], ['x'], 'All']) };
      return { method: 'DELETE', url: withQuery(dice.once(6) ? collectionPath(target.resource, target.namespace) : itemPath(target), dice.once(2) ? queryOf(dice, 'any') : 'labelSelector=f%3Dnothing'), headers: json, ...(dice.once(2) && { body: bodyText(dice.once(2) ? options : mutateOnce(options, dice), dice) }) };
    },
  },
  {
    name: 'wholly random body',
    weight: 2,
    onStored: true,
    make: (dice, target) => {
      const type = dice.pick(['application/json', 'application/yaml', protobufType, 'application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json', 'application/apply-patch+yaml']);
      const body = dice.once(2) ? Buffer.from(dice.bytes(dice.below(200))) : Buffer.from(jsonText(hostileValue(dice)));
      return { method: dice.pick(['POST', 'PUT', 'PATCH', 'DELETE']), url: dice.once(2) ? itemPath(target) : collectionPath(target.resource, target.namespace), headers: { 'content-type': type }, body: type === protobufType ? Buffer.concat([Buffer.from('k8s\0'), body]) : body };
    },
  },
];

const total = fuzzKinds.reduce((sum, { weight }) => sum + weight, 0);

/** One of the kinds, by their weights. */
export function pickKind(dice: Dice): FuzzKind {
  let left = dice.below(total);
  for (const kind of fuzzKinds) if ((left -= kind.weight) < 0) return kind;
  return fuzzKinds[0];
}

export const pickResource = (dice: Dice): ResourceFacts => dice.pick(storedResources.filter(({ name, group }) => name !== 'namespaces' || group !== ''));

