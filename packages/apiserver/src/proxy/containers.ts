import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { badRequestError, notFoundError, pods } from '@pilothouse/apimachinery';
import type { ObjectReader } from '../contract.ts';

/** @throws StatusError 404 */
export async function podNamed(read: ObjectReader, name: string, namespace: string): Promise<Pod> {
  const pod = await read.get(pods, name, namespace);
  if (!pod) throw notFoundError(pods, name);
  return pod;
}

/** The container meant: the one named, or the only one. @throws StatusError 400 */
export function containerOf(pod: Pod, asked: string): string {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const all = [...initContainers, ...containers, ...ephemeralContainers].map((c) => c.name);
  const { name } = pod.metadata;
  if (asked) {
    if (!all.includes(asked)) throw badRequestError(`container ${asked} is not valid for pod ${name}`);
    return asked;
  }
  if (containers.length === 1) return containers[0].name;
  throw badRequestError(containers.length ? `a container name must be specified for pod ${name}, choose one of: [${all.join(' ')}]` : `a container name must be specified for pod ${name}`);
}
