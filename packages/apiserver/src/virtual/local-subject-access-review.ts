import { badRequestError, invalid } from '@pilothouse/apimachinery';
import type { Authorizer, VirtualHandler } from '../contract.ts';
import { refuseInvalid, reviewAccess, shownNonResource, validateAccessSpec, validateEmptyMetadata } from './access-attributes.ts';
import { reviewedUser, validateSubject } from './subject-access-review.ts';

/** May this user do that in this namespace? The right to ask can be given by namespace. */
export const localSubjectAccessReview = (authorizer: Authorizer): VirtualHandler => ({
  group: 'authorization.k8s.io',
  plural: 'localsubjectaccessreviews',
  subresource: '',
  async create({ object, namespace, admit }) {
    const spec = (object.spec ??= {});
    object.metadata ??= {};
    object.metadata.namespace ||= namespace;
    const errors = [...validateAccessSpec(spec), ...validateSubject(spec), ...validateEmptyMetadata(object.metadata, ['namespace'])];
    if (spec.resourceAttributes && (spec.resourceAttributes.namespace ?? '') !== object.metadata.namespace) errors.push(invalid('spec.resourceAttributes.namespace', spec.resourceAttributes.namespace ?? '', 'must match metadata.namespace'));
    if (spec.nonResourceAttributes) errors.push(invalid('spec.nonResourceAttributes', shownNonResource(spec.nonResourceAttributes), 'disallowed on this kind of request'));
    refuseInvalid(errors);
    if (!namespace) throw badRequestError('namespace is required on this type: ');
    if (namespace !== object.metadata.namespace) throw badRequestError(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
    await admit();
    object.status = await reviewAccess(authorizer, spec, reviewedUser(spec));
    return object;
  },
});
