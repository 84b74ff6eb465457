/** Whatever can be scaled, found by what a reference says of it. */
import { builtinResources } from '@pilothouse/api-schemas';
import type { Scale } from '@pilothouse/api-schemas/types/autoscaling/v1';
import type { CustomResourceDefinition } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { parseApiVersion, type ResourceType } from '@pilothouse/apimachinery';
import type { Client, Lister } from '@pilothouse/client';
import { resourceCatalog } from './resource-catalog.ts';

/** The resource of a kind, in the version asked for. @throws when nothing is known by that name, as a REST mapper words it */
export function scaleResource(crds: Lister<CustomResourceDefinition>, apiVersion: string, kind: string): ResourceType<any> {
  const entry = resourceCatalog(crds).find(apiVersion, kind);
  if (!entry) throw new Error(`no matches for kind ${JSON.stringify(kind)} in version ${JSON.stringify(apiVersion)}`);
  return { ...entry.type, version: parseApiVersion(apiVersion).version };
}

/** @throws StatusError NotFound where the object is absent, or cannot be scaled */
export const getScale = (client: Client, type: ResourceType<any>, name: string, options: { namespace?: string; signal?: AbortSignal }): Promise<Scale> => client.get(type, name, { ...options, subresource: 'scale' }) as Promise<unknown> as Promise<Scale>;

/** Whether a resource has the `scale` subresource at all. */
export function canScale(crds: Lister<CustomResourceDefinition>, { group, version, plural }: ResourceType<any>): boolean {
  if (builtinResources.some((facts) => facts.group === group && facts.version === version && facts.name === `${plural}/scale`)) return true;
  return crds.list().some(({ spec }) => spec.group === group && spec.names.plural === plural && spec.versions.some((v) => v.name === version && v.subresources?.scale));
}
