/** Extended resources that devices stand for (kep.k8s.io/5004): how many a node has and how many are taken, for scoring. */
import type { DeviceClass } from '@pilothouse/api-schemas/types/resource/v1';
import type { PluginHandle } from '../../contract.ts';
import type { ClusterObjects } from '../../objects.ts';
import { isExtendedResource } from '../../pod/amounts.ts';
import type { ResourceSpec } from './scoring.ts';

export type DevicesOnNode = (resource: string, node: number) => { capacity: number; allocated: number };

const classPrefix = 'deviceclass.resource.kubernetes.io/';

/** The class a resource's name stands for: by its prefix, or the oldest class that claims the name. */
export function deviceClassOf(objects: ClusterObjects, resource: string): DeviceClass | undefined {
  if (resource.startsWith(classPrefix)) return objects.deviceClasses.get(resource.slice(classPrefix.length));
  let found: DeviceClass | undefined;
  for (const candidate of objects.deviceClasses.list()) {
    if (candidate.spec.extendedResourceName !== resource) continue;
    if (!found || newer(candidate, found)) found = candidate;
  }
  return found;
}
/** Of two classes for one name the younger one counts, then the one first by name. */
function newer(a: DeviceClass, b: DeviceClass): boolean {
  const [at, bt] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  return at !== bt ? at > bt : a.metadata.name! < b.metadata.name!;
}

/** Undefined where no class stands for any of the resources. */
export function devicesFor(resources: readonly ResourceSpec[], handle: PluginHandle): DevicesOnNode | undefined {
  if (!handle.features.DRAExtendedResource) return undefined;
  if (!resources.some((r) => (isExtendedResource(r.name) || r.name.startsWith(classPrefix)) && deviceClassOf(handle.objects, r.name))) return undefined;
  return handle.deviceTotals;
}
