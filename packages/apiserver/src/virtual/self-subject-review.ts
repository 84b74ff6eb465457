import type { UserInfo } from '@pilothouse/api-schemas/types/authentication/v1';
import { formatTime } from '@pilothouse/base';
import type { User, VirtualHandler } from '../contract.ts';

export const userInfo = (user: User): UserInfo => ({
  ...(user.name && { username: user.name }),
  ...(user.uid && { uid: user.uid }),
  ...(user.groups.length && { groups: [...user.groups] }),
  ...(user.extra && Object.keys(user.extra).length && { extra: user.extra as UserInfo['extra'] }),
});

/** Who am I? (`kubectl auth whoami`) Nothing of what was sent is kept. */
export const selfSubjectReview: VirtualHandler = {
  group: 'authentication.k8s.io',
  plural: 'selfsubjectreviews',
  subresource: '',
  async create({ object, user, clock, admit }) {
    await admit();
    return { kind: 'SelfSubjectReview', apiVersion: object.apiVersion ?? 'authentication.k8s.io/v1', metadata: { creationTimestamp: formatTime(clock.now()) }, status: { userInfo: userInfo(user) } } as never;
  },
};
