/** Fields of a pod as text: fieldRef and resourceFieldRef, in env variables and volumes. */
import type { Pod, ResourceFieldSelector } from '@pilothouse/api-schemas/types/core/v1';
import { dividedBy } from './quantity.ts';

/** Go's %q for the values of labels and annotations in files: control characters escaped, the rest as it is. */
const quote = (value: string) => JSON.stringify(value).replace(/\\u00([0-9a-f]{2})/g, '\\x$1').replace(/[\u007f]/g, '\\x7f');

/** `key="value"` lines in order of keys. */
export const formatMap = (map: Record<string, string> | undefined): string => Object.keys(map ?? {}).sort().map((key) => `${key}=${quote(map![key])}`).join('\n');

/** What is only known on the node. */
export interface PodAddresses {
  podIps: readonly string[];
  hostIps: readonly string[];
}

/** The value of a field path; undefined for a path that is not supported. Missing labels and annotations are ''. */
export function fieldValue(pod: Pod, path: string, addresses: PodAddresses): string | undefined {
  const { metadata, spec } = pod;
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (subscript) return metadata[subscript[1] as 'labels']?.[subscript[2]] ?? '';
  switch (path) {
    case 'metadata.name':
      return metadata.name ?? '';
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'metadata.labels':
      return formatMap(metadata.labels);
    case 'metadata.annotations':
      return formatMap(metadata.annotations);
    case 'spec.nodeName':
      return spec?.nodeName ?? '';
    case 'spec.serviceAccountName':
      return spec?.serviceAccountName ?? '';
    case 'status.hostIP':
      return addresses.hostIps[0] ?? '';
    case 'status.hostIPs':
      return addresses.hostIps.join(',');
    case 'status.podIP':
      return addresses.podIps[0] ?? '';
    case 'status.podIPs':
      return addresses.podIps.join(',');
    default:
      return undefined;
  }
}

/** A container's request or limit; what has no limit has the node's allocatable. @throws for a container that is not there */
export function resourceValue(pod: Pod, selector: ResourceFieldSelector, containerName: string | undefined, allocatable: Readonly<Record<string, string>>): string {
  const name = selector.containerName || containerName;
  const container = [...(pod.spec!.containers ?? []), ...(pod.spec!.initContainers ?? [])].find((c) => c.name === name);
  if (!container) throw new Error(`container ${name} not found`);
  const [side, ...rest] = selector.resource.split('.');
  const resource = rest.join('.');
  const limits = container.resources?.limits;
  const value = side === 'limits' ? (limits?.[resource] ?? allocatable[resource]) : container.resources?.requests?.[resource];
  return String(dividedBy(value, selector.divisor, resource === 'cpu' ? 'cpu' : 'other'));
}
