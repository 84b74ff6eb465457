/** Objects on their way into storage, without a server: decoded, filled in, prepared, judged. Tests only. */
import { applyDefaults, decodeObject, type FieldError, type KubeObject } from '@pilothouse/apimachinery';
import { builtinTypes } from '@pilothouse/api-schemas';
import type { ObjectReader, ResourceDefinition, WriteContext } from '../contract.ts';
import { builtinDefinitions } from './index.ts';

const nothing: ObjectReader = { get: async () => undefined, list: async () => [], peek: () => undefined };

export const writeContext = (subresource = ''): WriteContext =>
  ({
    user: { name: 'ann', groups: ['crew'], extra: { ship: ['a'] } },
    namespace: 'ns',
    dryRun: false,
    subresource,
    read: nothing,
    clock: { now: () => Date.UTC(2030, 0, 1), nowMs: () => 0 },
    random: { below: () => 0, uuid: () => '00000000-0000-4000-8000-000000000000' },
    warn: () => undefined,
  }) as unknown as WriteContext;

const shown = ({ field, message }: FieldError): string => `${field}: ${message.split('\n')[0]}`;

/** Findings without the examples that messages about names end in. */
export const brief = (findings: string[]): string[] => findings.map((finding) => finding.replace(/,?  ?\(e\.g\. .*/, ''));

/** The rules of one kind, asked with pieces of objects. `metadata.name` is `x` and the namespace `ns` where not given. */
export function rulesOf(group: string, plural: string, version?: string) {
  const resource: ResourceDefinition = builtinDefinitions().find((d) => d.type.group === group && d.type.plural === plural && (!version || d.type.version === version))!;
  const { strategy, type, schema } = resource;

  function decode(body: object): any {
    const of = builtinTypes.get(schema)!;
    const { metadata = {}, ...rest } = structuredClone(body) as { metadata?: object };
    const { object } = decodeObject(of, { metadata: { name: 'x', ...(type.namespaced && { namespace: 'ns' }), ...metadata }, ...rest }) as { object: KubeObject };
    applyDefaults(of, object);
    strategy.defaults?.(object);
    return object;
  }

  /** The object as it would be stored, whatever is wrong with it. */
  function created(body: object): any {
    const object = decode(body);
    strategy.prepareForCreate?.(object, writeContext());
    return object;
  }

  function changed(before: object, after: object, subresource = ''): { object: any; old: any } {
    const old = created(before);
    if (subresource === '' || 'status' in before) old.status = decode(before).status;
    old.metadata.resourceVersion = '1';
    const object = decode(after);
    object.metadata.resourceVersion = '1';
    strategy.prepareForUpdate?.(object, old, writeContext(subresource));
    return { object, old };
  }

  return {
    resource,
    created,
    changed,
    /** Findings about a new object. */
    create: (body: object): string[] => (strategy.validate?.(created(body), writeContext()) ?? []).map(shown),
    /** Findings about a change of the whole object, those that every kind has left out. */
    update(before: object, after: object): string[] {
      const { object, old } = changed(before, after);
      return (strategy.validateUpdate?.(object, old, writeContext()) ?? []).map(shown);
    },
    /** Findings about a change of the status. */
    updateStatus(before: object, after: object): string[] {
      const { object, old } = changed(before, { ...before, ...after }, 'status');
      return (strategy.validateStatusUpdate?.(object, old, writeContext('status')) ?? []).map(shown);
    },
    warnings(body: object, before?: object): string[] {
      if (before === undefined) return strategy.warnings?.(created(body), undefined) ?? [];
      const { object, old } = changed(before, body);
      return strategy.warnings?.(object, old) ?? [];
    },
  };
}
