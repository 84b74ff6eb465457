import type { KubeObject, ResourceType } from '@pilothouse/apimachinery';
import { fakeClock, seededRandom, silentLogger } from '@pilothouse/base';
import type { MemoryObjects } from '../auth/testing.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../contract.ts';

export type Attempt = Partial<AdmissionAttributes> & { warnings?: string[]; annotations?: Map<string, string> };

/** A request as admission sees it, about an object of `type`; CREATE by an ordinary user unless said otherwise. */
export function attempt(type: ResourceType, object: KubeObject | undefined, read: MemoryObjects, more: Attempt = {}): AdmissionAttributes {
  return {
    clock: fakeClock(),
    random: seededRandom(1),
    log: silentLogger,
    user: { name: 'jane', groups: ['system:authenticated'] },
    operation: 'CREATE',
    resource: { type } as AdmissionAttributes['resource'],
    subresource: '',
    namespace: object?.metadata.namespace ?? '',
    name: object?.metadata.name ?? '',
    object,
    old: undefined,
    replaced: false,
    dryRun: false,
    options: {},
    read,
    warn: (text) => void more.warnings?.push(text),
    annotate: (key, value) => void more.annotations?.set(key, value),
    authorize: async () => ({ decision: 'no-opinion' }),
    ...more,
  };
}

/** Runs both halves of a step, as the server does. */
export async function run(plugin: AdmissionPlugin, a: AdmissionAttributes): Promise<any> {
  if (!plugin.operations.includes(a.operation)) return a.object;
  await plugin.mutate?.(a);
  await plugin.validate?.(a);
  return a.object;
}
