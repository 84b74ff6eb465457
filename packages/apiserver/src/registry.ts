import { apiVersionOf, parseApiVersion, type ResourceType, type Subject } from '@pilothouse/apimachinery';
import type { Runtime } from '@pilothouse/base';
import type { Store } from '@pilothouse/storage';
import { ResourceCache, type StoredReader } from './cache/resource-cache.ts';
import { NewObjects } from './cache/new-objects.ts';
import type { StoreFeed } from './cache/store-feed.ts';
import type { Conversion, ObjectCodec, ResourceDefinition } from './contract.ts';
import { codecOf } from './objects/codec.ts';
import { storedReader } from './objects/foreign-value.ts';
import { listPieces, type ListPieces } from './objects/list-pieces.ts';

/** A resource in one served version, ready to answer. */
export interface ServedResource {
  definition: ResourceDefinition;
  codec: ObjectCodec;
  subject: Subject;
  apiVersion: string;
  kind: string;
  listKind: string;
  pieces: ListPieces;
  /** A warning that goes with every answer. */
  deprecation: string | undefined;
  /** Absent for what is computed rather than stored. */
  stored: StoredResource | undefined;
  /** From and to the stored version, where that is another. */
  conversion: Conversion<any> | undefined;
  /** Names what objects look like here: representations made for another are not this one's. */
  view: string;
}

/** What all served versions of a resource share: where and how its objects are kept. */
export interface StoredResource {
  definition: ResourceDefinition;
  codec: ObjectCodec;
  cache: ResourceCache;
  reader: StoredReader;
  /** The field by whose value watches are told apart. */
  trigger: string | undefined;
  apiVersion: string;
}

/** Built-in resources that many watch by one field: every kubelet its node's pods. */
const triggers: Readonly<Record<string, string>> = { 'pods.': 'spec.nodeName' };

/** Built-in resources in whose objects values of any type may stand. */
const holdsUntyped = new Set(['controllerrevisions.apps', 'customresourcedefinitions.apiextensions.k8s.io', 'deviceclasses.resource.k8s.io', 'resourceclaims.resource.k8s.io', 'resourceclaimtemplates.resource.k8s.io']);

/** Built-in resources that are deprecated as a whole. */
const deprecations: Readonly<Record<string, string>> = {
  'endpoints.': 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  'componentstatuses.': 'v1 ComponentStatus is deprecated in v1.19+',
};

const id = (group: string, version: string, plural: string): string => `${group}/${version}/${plural}`;

/** Every resource that is served, by group, version and plural. Definitions come and go (custom resources). */
export class ResourceRegistry {
  readonly #runtime: Runtime;
  readonly #feed: StoreFeed;
  readonly store: Store;
  readonly #served = new Map<string, ServedResource>();
  /** What `of` found, until definitions change. */
  #byType = new WeakMap<ResourceType, ServedResource>();
  readonly #stored = new Map<string, StoredResource>();
  readonly #newObjects = new NewObjects();
  readonly #groupVersions = new Map<string, number>();
  readonly #changes = new Set<() => void>();
  #redefined = 0;

  constructor(runtime: Runtime, store: Store, feed: StoreFeed) {
    this.#runtime = runtime;
    this.store = store;
    this.#feed = feed;
  }

  find(group: string, version: string, plural: string): ServedResource | undefined {
    return this.#served.get(id(group, version, plural));
  }

  of(type: ResourceType): ServedResource | undefined {
    let found = this.#byType.get(type);
    if (!found) {
      found = this.find(type.group, type.version, type.plural);
      if (found) this.#byType.set(type, found);
    }
    return found;
  }

  hasGroupVersion(group: string, version: string): boolean {
    return this.#groupVersions.has(`${group}/${version}`);
  }

  /** In the order in which they were added. */
  all(): ServedResource[] {
    return [...this.#served.values()];
  }

  /** Calls after each addition or removal, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#changes.add(listener);
    return () => void this.#changes.delete(listener);
  }

  /** Serves definitions; resolves once their caches are filled. Replaces those already served under the same names. */
  async add(definitions: readonly ResourceDefinition[]): Promise<void> {
    const find = (type: ResourceType): ResourceDefinition => {
      const found = definitions.find((d) => d.type.group === type.group && d.type.version === type.version && d.type.plural === type.plural) ?? this.of(type)?.definition;
      if (!found) throw new Error(`Serve ${type.plural}: its storage version ${type.group}/${type.version} is not defined`);
      return found;
    };
    for (const definition of definitions) {
      const { group, version, plural, kind } = definition.type;
      let stored: StoredResource | undefined;
      if (!definition.virtual) {
        stored = await this.#storedFor(definition.store ?? (definition.conversion ? find(definition.conversion.storage) : definition));
      }
      const key = id(group, version, plural);
      if (!this.#served.has(key)) this.#groupVersions.set(`${group}/${version}`, (this.#groupVersions.get(`${group}/${version}`) ?? 0) + 1);
      const apiVersion = apiVersionOf(group, version);
      const listKind = definition.listKind ?? `${kind}List`;
      const view = this.#served.has(key) ? `${apiVersion} ${++this.#redefined}` : apiVersion;
      this.#served.set(key, { definition, codec: codecOf(definition), subject: { group, plural }, apiVersion, kind, listKind, deprecation: definition.deprecation ?? deprecations[`${plural}.${group}`], pieces: listPieces(kind, apiVersion, listKind, !definition.codec), stored, conversion: definition.conversion, view });
    }
    this.#byType = new WeakMap();
    for (const listener of this.#changes) listener();
  }

  /** Stops serving a version; its cache goes with the last version that used it. */
  remove(type: ResourceType): void {
    const key = id(type.group, type.version, type.plural);
    const served = this.#served.get(key);
    if (!served) return;
    this.#served.delete(key);
    const groupVersion = `${type.group}/${type.version}`;
    const left = this.#groupVersions.get(groupVersion)! - 1;
    if (left) this.#groupVersions.set(groupVersion, left);
    else this.#groupVersions.delete(groupVersion);
    const { stored } = served;
    if (stored && !this.all().some((other) => other.stored?.cache === stored.cache)) {
      this.#stored.delete(stored.cache.prefix);
      this.#feed.remove(stored.cache);
    }
    this.#byType = new WeakMap();
    for (const listener of this.#changes) listener();
  }

  #servedAs(apiVersion: string, plural: string): ServedResource | undefined {
    const { group, version } = parseApiVersion(apiVersion);
    return this.find(group, version, plural);
  }

  async #storedFor(definition: ResourceDefinition): Promise<StoredResource> {
    const prefix = `/registry/${definition.storagePrefix}/`;
    const known = this.#stored.get(prefix);
    if (known?.definition === definition) return known;
    const codec = codecOf(definition);
    if (known) {
      // The objects are the same, told otherwise: who watches begins anew.
      known.cache.endWatches();
      const renewed: StoredResource = { ...known, definition, codec, apiVersion: apiVersionOf(definition.type.group, definition.type.version) };
      this.#stored.set(prefix, renewed);
      return renewed;
    }
    const trigger = definition.triggerField ?? triggers[`${definition.type.plural}.${definition.type.group}`];
    const apiVersion = apiVersionOf(definition.type.group, definition.type.version);
    const reader = storedReader({ apiVersion, kind: definition.type.kind, custom: definition.codec !== undefined, codec, strategy: definition.strategy, served: (other) => this.#servedAs(other, definition.type.plural) });
    const cache = new ResourceCache({
      newObjects: this.#newObjects,
      prefix,
      reader,
      namespaced: definition.type.namespaced,
      indexer: { fields: definition.selectableFields, untyped: definition.codec !== undefined || holdsUntyped.has(`${definition.type.plural}.${definition.type.group}`), parsed: (object) => definition.strategy.defaults?.(object) },
      clock: this.#runtime.clock,
      ...(trigger && { trigger }),
    });
    const stored: StoredResource = { definition, codec, cache, reader, trigger, apiVersion };
    this.#stored.set(prefix, stored);
    await this.#feed.add(cache);
    return stored;
  }
}
