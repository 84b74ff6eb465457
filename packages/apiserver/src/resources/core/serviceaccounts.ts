import { nameIsDnsSubdomain, serviceAccounts as type } from '@pilothouse/apimachinery';
import type { ServiceAccount } from '@pilothouse/api-schemas/types/core/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import { validateObjectMeta, withMeta } from '../validation/object-meta.ts';

const rules = { name: nameIsDnsSubdomain, namespaced: true };
const enforce = 'kubernetes.io/enforce-mountable-secrets';

/** References to secrets keep their name alone. */
function cleanSecrets(object: ServiceAccount): void {
  if (object.secrets) object.secrets = object.secrets.map(({ name }) => (name ? { name } : {}));
}

const strategy: Strategy<ServiceAccount> = {
  prepareForCreate: cleanSecrets,
  prepareForUpdate: cleanSecrets,
  ...withMeta<ServiceAccount>(rules, (errors, object, old) => {
    if (old) validateObjectMeta(errors, object.metadata, rules);
  }),
  warnings(object, old) {
    const now = object.metadata.annotations?.[enforce];
    return now === undefined || old?.metadata.annotations?.[enforce] !== undefined ? [] : [`metadata.annotations[${enforce}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`];
  },
};

export const serviceAccounts = defineResource<any>(type, { strategy });
