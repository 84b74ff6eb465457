/** With `matchPolicy: Equivalent` policies and webhooks see objects as the version that their rules name has them. */
import type { KubeObject } from '@pilothouse/apimachinery';
import type { AdmissionAttributes, ResourceDefinition } from '../contract.ts';
import type { ResourceRegistry, ServedResource } from '../registry.ts';
import type { RequestedResource } from './matching.ts';

/** One request's resource and what else serves the same objects: other versions, and another group for events. */
export class EquivalentVersions {
  readonly others: readonly RequestedResource[];
  readonly #a: AdmissionAttributes;
  readonly #served: readonly ServedResource[];

  constructor(a: AdmissionAttributes, registry: Pick<ResourceRegistry, 'all'>) {
    this.#a = a;
    const all = registry.all();
    const own = all.find(({ definition: { type } }) => same(type, a.resource.type));
    this.#served = own?.stored ? all.filter((one) => one.stored?.cache === own.stored!.cache) : own ? [own] : [];
    this.others = this.#served.filter((one) => one !== own).map(({ definition: { type: { group, version, plural } } }) => ({ group, version, plural }));
  }

  /** The object in the version by which the request was matched. @throws StatusError 500 where a conversion webhook fails */
  async shown(object: KubeObject | undefined, matched: RequestedResource): Promise<KubeObject | undefined> {
    return object && this.#converted(object, this.#a.resource.type, matched);
  }

  /** The reverse of `shown`. @throws StatusError 500 */
  async back(object: KubeObject, matched: RequestedResource): Promise<KubeObject> {
    return this.#converted(object, matched, this.#a.resource.type);
  }

  /** How objects of the version are read. */
  definitionOf(matched: RequestedResource): ResourceDefinition {
    return this.#find(matched)?.definition ?? this.#a.resource;
  }

  #find(wanted: RequestedResource): ServedResource | undefined {
    return this.#served.find(({ definition: { type } }) => same(type, wanted));
  }

  async #converted(object: KubeObject, from: RequestedResource, to: RequestedResource): Promise<KubeObject> {
    // What a subresource takes is mostly of a kind of its own, which has one version.
    if (same(from, to) || !isOwnKind(this.#a, object)) return object;
    const [source, target] = [this.#find(from), this.#find(to)];
    if (!source || !target) return object;
    const { conversion: out } = source;
    const { conversion: into } = target;
    const stored = out?.remote ? await out.remote.toStorage(object) : out ? out.toStorage(object) : object;
    const made = into?.remote ? (await into.remote.fromStorage([stored]))[0] : into ? into.fromStorage(stored) : stored;
    return { ...made, apiVersion: target.apiVersion, kind: target.kind };
  }
}

const same = (a: RequestedResource, b: RequestedResource): boolean => a.version === b.version && a.group === b.group && a.plural === b.plural;

/** Whether the object is of the resource's kind; that of a subresource may be another. */
export const isOwnKind = ({ subresource, resource: { type } }: AdmissionAttributes, object: { kind?: string } | undefined): boolean => !subresource || !object?.kind || object.kind === type.kind;
