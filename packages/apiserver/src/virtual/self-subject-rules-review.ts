import { badRequestError, type KubeObject } from '@pilothouse/apimachinery';
import type { Authorizer, VirtualHandler } from '../contract.ts';

/** What may I do in this namespace? (`kubectl auth can-i --list`) */
export const selfSubjectRulesReview = (authorizer: Authorizer): VirtualHandler => ({
  group: 'authorization.k8s.io',
  plural: 'selfsubjectrulesreviews',
  subresource: '',
  async create({ object, user, admit }) {
    const namespace = object.spec?.namespace;
    if (!namespace) throw badRequestError('no namespace on request');
    await admit();
    const rules = authorizer.rulesFor?.(user, namespace) ?? { resourceRules: [], nonResourceRules: [], incomplete: true };
    const status = { resourceRules: rules.resourceRules, nonResourceRules: rules.nonResourceRules, incomplete: rules.incomplete, ...(rules.evaluationError && { evaluationError: rules.evaluationError }) };
    // A new object, as upstream answers: what was asked is not repeated.
    return { kind: object.kind, apiVersion: object.apiVersion, metadata: {}, spec: {}, status } as KubeObject;
  },
});
