/** Bootstrap tokens `abcdef.0123456789abcdef`, kept as secrets in kube-system. @see https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/ */
import { timingSafeEqual } from 'node:crypto';
import { secrets } from '@pilothouse/apimachinery';
import { parseTime, type Runtime } from '@pilothouse/base';
import type { ObjectReader } from '../../contract.ts';
import type { TokenAuthenticator } from './authenticator.ts';

const form = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const groupForm = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

const same = (a: string, b: string) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

export function bootstrapTokens(runtime: Runtime, read: ObjectReader): TokenAuthenticator {
  return {
    name: 'bootstrap-token',
    async authenticateToken(token) {
      const parts = form.exec(token);
      if (!parts) return undefined;
      const [, id, secret] = parts;
      const held = await read.get(secrets, `bootstrap-token-${id}`, 'kube-system');
      if (!held || held.metadata.deletionTimestamp || held.type !== 'bootstrap.kubernetes.io/token') return undefined;
      const data = (key: string) => Buffer.from(held.data?.[key] ?? '', 'base64').toString();
      if (!same(data('token-secret'), secret) || data('token-id') !== id) return undefined;
      const expiration = data('expiration');
      // An expiry that cannot be read counts as past.
      if (expiration && !(parseTime(expiration) > runtime.clock.now())) return undefined;
      if (data('usage-bootstrap-authentication') !== 'true') return undefined;
      const extra = data('auth-extra-groups').split(',').map((g) => g.trim()).filter(Boolean);
      if (extra.some((g) => !groupForm.test(g))) return undefined;
      return { user: { name: `system:bootstrap:${id}`, groups: [...new Set(['system:bootstrappers', ...extra])].sort() } };
    },
  };
}
