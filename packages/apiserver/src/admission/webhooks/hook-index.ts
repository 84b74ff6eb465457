import type { MutatingWebhook, ValidatingWebhook } from '@pilothouse/api-schemas/types/admissionregistration/v1';
import type { KubeObject, ResourceType } from '@pilothouse/apimachinery';
import type { ObjectFeed } from '../../contract.ts';
import { type CompiledPolicy, compilePolicy } from '@pilothouse/cel';

/** A webhook of a configuration, ready to be asked. */
export interface Hook {
  webhook: ValidatingWebhook & Pick<MutatingWebhook, 'reinvocationPolicy'>;
  /** Its matchConditions. */
  readonly compiled: CompiledPolicy;
}

interface Configuration extends KubeObject {
  webhooks?: Hook['webhook'][];
}

/** The webhooks of all configurations, by the configurations' names. A request where there are none costs one look at an empty list. */
export class HookIndex {
  readonly #byConfiguration = new Map<string, Hook[]>();
  #all: Hook[] | undefined;

  follow(read: ObjectFeed, type: ResourceType): Promise<void> {
    return read.follow(type as ResourceType<Configuration>, (object, old) => {
      this.#all = undefined;
      const name = (object ?? old)!.metadata.name!;
      if (object) this.#byConfiguration.set(name, (object.webhooks ?? []).map(hookOf));
      else this.#byConfiguration.delete(name);
    });
  }

  get all(): readonly Hook[] {
    return (this.#all ??= [...this.#byConfiguration].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, hooks]) => hooks));
  }
}

function hookOf(webhook: Hook['webhook']): Hook {
  let compiled: CompiledPolicy | undefined;
  return {
    webhook,
    get compiled() {
      return (compiled ??= compilePolicy({ matchConditions: webhook.matchConditions }));
    },
  };
}
