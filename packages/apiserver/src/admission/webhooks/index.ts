/** Admission webhooks. @see https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/ */
import { applyJsonPatch, equalJson, internalError, type KubeObject, mutatingWebhookConfigurations, validatingWebhookConfigurations } from '@pilothouse/apimachinery';
import { messageOf } from '@pilothouse/base';
import type { AdmissionAttributes, AdmissionPlugin, ObjectFeed } from '../../contract.ts';
import { isExempt, type RequestedResource } from '../../policies/matching.ts';
import { inTurn } from '../reinvocation.ts';
import { replaceObject, settled } from '../replace-object.ts';
import { codecOf } from '../../objects/codec.ts';
import { Asking, type AskingParts } from './ask.ts';
import { type Hook, HookIndex } from './hook-index.ts';

const operations = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'] as const;

/** Asks all webhooks at the same time. Follows the configurations from the moment it is made. */
export function validatingWebhooks(read: ObjectFeed, parts: AskingParts): AdmissionPlugin {
  const hooks = new HookIndex();
  void hooks.follow(read, validatingWebhookConfigurations);
  return {
    name: 'ValidatingAdmissionWebhook',
    operations,
    validate(a) {
      if (!hooks.all.length || isExempt(a)) return;
      return validateBy(a, hooks.all, parts);
    },
  };
}

async function validateBy(a: AdmissionAttributes, hooks: readonly Hook[], parts: AskingParts): Promise<void> {
  const asking = new Asking(a, parts);
  const wanted: { hook: Hook; matched: RequestedResource }[] = [];
  for (const hook of hooks) {
    const matched = await asking.matched(hook);
    if (matched) wanted.push({ hook, matched });
  }
  const outcomes = await Promise.allSettled(wanted.map(({ hook, matched }) => asking.ask(hook, matched, { mutating: false })));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

/** Asks one webhook after the other; each sees what those before it made of the object. Follows the configurations from the moment it is made. */
export function mutatingWebhooks(read: ObjectFeed, parts: AskingParts): AdmissionPlugin {
  const hooks = new HookIndex();
  void hooks.follow(read, mutatingWebhookConfigurations);
  return {
    name: 'MutatingAdmissionWebhook',
    operations,
    mutate(a) {
      if (!hooks.all.length || isExempt(a)) return;
      return mutateBy(a, hooks.all, parts);
    },
  };
}

async function mutateBy(a: AdmissionAttributes, hooks: readonly Hook[], parts: AskingParts): Promise<void> {
  const asking = new Asking(a, parts);
  const ask = async (hook: Hook): Promise<boolean | undefined> => {
    const matched = await asking.matched(hook);
    return matched && mutateOnce(a, asking, hook, matched);
  };
  await inTurn(hooks, { ask, again: ({ webhook }) => webhook.reinvocationPolicy === 'IfNeeded' });
}

/** Whether the object was changed. */
async function mutateOnce(a: AdmissionAttributes, asking: Asking, hook: Hook, matched: RequestedResource): Promise<boolean> {
  const answer = await asking.ask(hook, matched, { mutating: true });
  if (!answer?.patch?.length) return false;
  const { name, failurePolicy } = hook.webhook;
  const object: KubeObject | undefined = a.object;
  if (!object) throw internalError(`admission webhook ${JSON.stringify(name)} attempted to modify the object, which is not supported for this operation`);
  let made: KubeObject;
  try {
    made = await asking.versions.back(applyJsonPatch(await asking.versions.shown(object, matched), answer.patch) as KubeObject, matched);
  } catch (error) {
    if (failurePolicy === 'Ignore') return false;
    throw internalError(messageOf(error), error);
  }
  if (equalJson(made, object)) return false;
  replaceObject(a, a.subresource ? made : settled(codecOf(a.resource), made));
  return true;
}
