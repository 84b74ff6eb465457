import type { SubjectAccessReview } from '@pilothouse/api-schemas/types/authorization/v1';
import { invalid } from '@pilothouse/apimachinery';
import type { Authorizer, User, VirtualHandler } from '../contract.ts';
import { refuseInvalid, reviewAccess, validateAccessSpec, validateEmptyMetadata } from './access-attributes.ts';

export function reviewedUser(spec: SubjectAccessReview['spec']): User {
  return { name: spec.user ?? '', ...(spec.uid && { uid: spec.uid }), groups: spec.groups ?? [], ...(spec.extra && { extra: spec.extra as Record<string, string[]> }) };
}

export const validateSubject = (spec: SubjectAccessReview['spec']) => (spec.user || spec.groups?.length ? [] : [invalid('spec.user', '', 'at least one of user or group must be specified')]);

/** May this user do that? Asked by whoever may ask. */
export const subjectAccessReview = (authorizer: Authorizer): VirtualHandler => ({
  group: 'authorization.k8s.io',
  plural: 'subjectaccessreviews',
  subresource: '',
  async create({ object, admit }) {
    const spec = (object.spec ??= {});
    refuseInvalid([...validateAccessSpec(spec), ...validateSubject(spec), ...validateEmptyMetadata(object.metadata)]);
    await admit();
    object.status = await reviewAccess(authorizer, spec, reviewedUser(spec));
    return object;
  },
});
