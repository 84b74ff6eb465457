import { badRequestError, internalError, type KubeObject, StatusError } from '@pilothouse/apimachinery';
import type { AccessDecision } from '@pilothouse/cel';
import { messageOf } from '@pilothouse/base';
import type { AdmissionAttributes } from '../../contract.ts';
import { EquivalentVersions } from '../../policies/equivalent-versions.ts';
import { Evaluation } from '../../policies/evaluation.ts';
import { matchResources, namespaceOf, type RequestedResource } from '../../policies/matching.ts';
import type { ResourceRegistry } from '../../registry.ts';
import type { CallWebhook } from '../../webhooks/call.ts';
import { refuse } from '../refuse.ts';
import type { Hook } from './hook-index.ts';
import { type Answer, answerOf, refusal, reviewOf, reviewVersion } from './review.ts';

/** What asking webhooks takes. */
export interface AskingParts {
  registry: ResourceRegistry;
  callWebhook: CallWebhook;
}

/** One request on its way through webhooks. */
export class Asking {
  readonly #a: AdmissionAttributes;
  readonly #parts: AskingParts;
  /** The object in other versions. */
  readonly versions: EquivalentVersions;
  readonly #answers = new Map<string, AccessDecision>();

  constructor(a: AdmissionAttributes, parts: AskingParts) {
    this.#a = a;
    this.#parts = parts;
    this.versions = new EquivalentVersions(a, parts.registry);
  }

  /** The resource by which the request is one for the webhook; undefined where it is none. @throws StatusError 403 for a condition that fails */
  async matched({ webhook, compiled }: Hook): Promise<RequestedResource | undefined> {
    const a = this.#a;
    const { rules, matchPolicy, namespaceSelector, objectSelector } = webhook;
    if (!rules?.length) return undefined;
    const found = await matchResources({ resourceRules: rules, matchPolicy, namespaceSelector, objectSelector }, a, this.versions.others);
    if (!found || !compiled.conditions.length) return found;
    const evaluation = new Evaluation(a, found, compiled, { shown: await this.#shown(found), params: undefined, namespace: await namespaceOf(a), answers: this.#answers });
    const { holds, error } = await evaluation.conditionsHold(compiled);
    if (!holds) return undefined;
    if (error === undefined) return found;
    if (webhook.failurePolicy === 'Ignore') return undefined;
    throw refuse(a, error);
  }

  /** The webhook's answer; undefined where it failed and its failures are ignored. @throws StatusError where it refuses, or fails */
  async ask({ webhook }: Hook, matched: RequestedResource, { mutating }: { mutating: boolean }): Promise<Answer | undefined> {
    const a = this.#a;
    const { name, sideEffects, failurePolicy, timeoutSeconds = 10 } = webhook;
    if (a.dryRun && sideEffects !== 'None' && sideEffects !== 'NoneOnDryRun') throw badRequestError(`admission webhook ${JSON.stringify(name)} does not support dry run`);
    let answer: Answer;
    try {
      const version = reviewVersion(webhook.admissionReviewVersions);
      if (!version) throw new Error(`webhook does not accept known AdmissionReview versions (v1, v1beta1)`);
      const asked = { uid: a.random.uuid(), version, ...(await this.#shown(matched)) };
      const said = await this.#parts.callWebhook(webhook.clientConfig, reviewOf(a, matched, asked), { timeoutMs: timeoutSeconds * 1_000 }).catch((error: unknown) => {
        throw new Error(`failed to call webhook: ${messageOf(error)}`, { cause: error });
      });
      answer = answerOf(said, asked, { mutating });
    } catch (error) {
      if (error instanceof StatusError) throw error;
      const why = `failed calling webhook ${JSON.stringify(name)}: ${messageOf(error)}`;
      if (failurePolicy !== 'Ignore') throw internalError(why, error);
      a.log.warn('A webhook failed, which is ignored', { webhook: name, err: messageOf(error) });
      return undefined;
    }
    for (const warning of answer.warnings) a.warn(warning);
    if (!answer.allowed) throw refusal(name, answer.result);
    return answer;
  }

  async #shown(matched: RequestedResource): Promise<{ object: KubeObject | undefined; old: KubeObject | undefined }> {
    return { object: await this.versions.shown(this.#a.object, matched), old: await this.versions.shown(this.#a.old, matched) };
  }
}
