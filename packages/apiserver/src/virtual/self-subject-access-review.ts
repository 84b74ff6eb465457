import type { Authorizer, VirtualHandler } from '../contract.ts';
import { refuseInvalid, reviewAccess, validateAccessSpec, validateEmptyMetadata } from './access-attributes.ts';

/** May I do that? (`kubectl auth can-i`) */
export const selfSubjectAccessReview = (authorizer: Authorizer): VirtualHandler => ({
  group: 'authorization.k8s.io',
  plural: 'selfsubjectaccessreviews',
  subresource: '',
  async create({ object, user, admit }) {
    const spec = (object.spec ??= {});
    refuseInvalid([...validateAccessSpec(spec), ...validateEmptyMetadata(object.metadata)]);
    await admit();
    object.status = await reviewAccess(authorizer, spec, user);
    return object;
  },
});
