/** Serves what CustomResourceDefinitions define, as they come, change and go. */
import type { CompileRules } from '@pilothouse/cel';
import type { CustomResourceDefinition } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { customResourceDefinitions, equalJson, type ResourceType } from '@pilothouse/apimachinery';
import { type Runtime, type Scope } from '@pilothouse/base';
import type { ObjectFeed } from '../contract.ts';
import type { ServedApi } from '../discovery/documents.ts';
import type { ResourceRegistry } from '../registry.ts';
import type { CallWebhook } from '../webhooks/call.ts';
import { isTrue } from './conditions.ts';
import { customDefinitions } from './definition.ts';
import { customApi } from './discovery.ts';

export interface CustomResources {
  /** Discovery of everything served. */
  api: ServedApi;
  /** Every definition there is, as the cache has it. */
  definitions(): Iterable<CustomResourceDefinition>;
  /** Those that are established, by name; the same list as long as none changes. */
  established(): readonly CustomResourceDefinition[];
  /** Resolves when what the definition says at the revision is served, or the definition is gone. */
  settled(name: string, revision: number): Promise<void>;
  /** Calls after each change of a definition, until the returned function is called; `old` undefined: new, `crd` undefined: gone. */
  onChange(listener: (crd: CustomResourceDefinition | undefined, old: CustomResourceDefinition | undefined) => void): () => void;
}

/** One definition, as it is served now. */
interface Served {
  types: readonly ResourceType[];
  /** What it was made from. */
  spec: unknown;
  names: unknown;
}

/** Follows the definitions until the scope closes; resolves when those there are are served. */
export async function serveCustomResources(runtime: Runtime, scope: Scope, parts: { registry: ResourceRegistry; read: ObjectFeed; compileRules: CompileRules; callWebhook: CallWebhook }): Promise<CustomResources> {
  const { registry, read, compileRules, callWebhook } = parts;
  const definitions = new Map<string, CustomResourceDefinition>();
  const served = new Map<string, Served>();
  const listeners = new Set<Parameters<CustomResources['onChange']>[0]>();
  let work: Promise<void> = Promise.resolve();
  let inForce: readonly CustomResourceDefinition[] | undefined;

  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const resume of waiting) resume();
    waiting.clear();
  };
  const established = (): readonly CustomResourceDefinition[] => (inForce ??= [...definitions.values()].filter((crd) => isTrue(crd, 'Established')).sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1)));
  const isServable = (crd: CustomResourceDefinition): boolean => isTrue(crd, 'NamesAccepted') || isTrue(crd, 'Established');

  const withdraw = (types: readonly ResourceType[]): void => {
    for (const type of types) registry.remove(type);
  };

  async function bring(name: string): Promise<void> {
    const crd = definitions.get(name);
    const held = served.get(name);
    if (!crd || !isServable(crd)) {
      if (held) withdraw(held.types);
      served.delete(name);
      return;
    }
    const names = crd.status?.acceptedNames;
    if (held && equalJson(held.spec, crd.spec) && equalJson(held.names, names)) return;
    const terminating = (): boolean => {
      const now = definitions.get(name);
      return !now || isTrue(now, 'Terminating');
    };
    const wanted = customDefinitions(crd, { compileRules, terminating, callWebhook, random: runtime.random }).filter(({ type }) => !registry.of(type) || registry.of(type)!.codec.statesKind);
    const changes = held && wanted.length > 0 && held.types[0]?.namespaced !== wanted[0].type.namespaced;
    if (changes) withdraw(held.types);
    await registry.add(wanted);
    const kept = new Set(wanted.map(({ type }) => type.version));
    if (held && !changes) withdraw(held.types.filter(({ version, plural }) => !kept.has(version) || plural !== names?.plural));
    served.set(name, { types: wanted.map(({ type }) => type), spec: crd.spec, names });
  }

  const schedule = (name: string): void => {
    work = work.then(() => bring(name)).catch((err: unknown) => runtime.log.error('Cannot serve a custom resource', { definition: name, err }));
  };

  await read.follow<CustomResourceDefinition>(
    customResourceDefinitions,
    (crd, old) => {
      const name = (crd ?? old)!.metadata.name!;
      if (crd) definitions.set(name, crd);
      else definitions.delete(name);
      inForce = undefined;
      schedule(name);
      wake();
      for (const listener of listeners) listener(crd, old);
    },
    scope.signal,
  );
  scope.defer(wake);
  await work;
  return {
    api: customApi(established),
    established,
    definitions: () => definitions.values(),
    async settled(name, revision) {
      while (!scope.closed && Number(definitions.get(name)?.metadata.resourceVersion ?? revision) < revision) await new Promise<void>((resolve) => void waiting.add(resolve));
      await work;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
