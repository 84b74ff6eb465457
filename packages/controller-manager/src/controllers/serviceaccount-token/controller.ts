import { readFile } from 'node:fs/promises';
import type { Secret, ServiceAccount } from '@pilothouse/api-schemas/types/core/v1';
import { isConflict, isNotFound, keyOf, secrets, serviceAccounts, splitKey } from '@pilothouse/apimachinery';
import { retryOnConflict } from '@pilothouse/client';
import { type ControllerContext, defineController, done } from '@pilothouse/controller-runtime';
import { accountKeyOf, completed, isFor, isTokenSecret } from './plan.ts';
import { tokenSigner } from './token.ts';

const byAccount = 'tokenOf';

interface State {
  makeToken: (account: ServiceAccount, secret: Secret) => string;
  rootCa?: string;
  /** Secrets that went, by key: the accounts that may still name them. */
  gone: Map<string, Secret>;
}

/** Fills secrets of type `kubernetes.io/service-account-token`, and deletes those whose account is gone. @see https://kubernetes.io/docs/concepts/configuration/secret/#serviceaccount-token-secrets */
export const serviceAccountTokenController = defineController<State | undefined>({
  name: 'serviceaccount-token-controller',
  aliases: ['serviceaccount-token'],
  // Without this controller there might be no credentials for a service account: it acts as the manager itself.
  serviceAccount: '',
  watches: [
    {
      type: secrets,
      indexes: { [byAccount]: (secret: Secret) => (isTokenSecret(secret) ? [accountKeyOf(secret)] : []) },
      keys: (secret) => (isTokenSecret(secret) ? [keyOf(secret)] : []),
    },
    { type: serviceAccounts, keys: (account, { deleted }, context) => (deleted ? context.lister(secrets).byIndex(byAccount, keyOf(account)).map(keyOf) : []) },
  ],
  async start(context) {
    const { flags, log, signal } = context;
    const key = await content(flags['service-account-private-key-file']);
    if (!key) {
      log.info('No service-account-private-key-file given, token secrets are not filled');
      return undefined;
    }
    const state: State = { makeToken: tokenSigner(key), rootCa: await content(flags['root-ca-file']), gone: new Map() };
    const off = context.informer(secrets).handle({ delete: (secret) => isTokenSecret(secret) && state.gone.set(keyOf(secret), secret) });
    signal.addEventListener('abort', off, { once: true });
    return state;
  },
  async reconcile(key, context, state) {
    if (!state) return done;
    const { client, lister, signal } = context;
    const secret = lister(secrets).get(key);
    if (!secret) {
      const old = state.gone.get(key);
      if (old) await forget(old, context);
      state.gone.delete(key);
      return done;
    }
    if (!isTokenSecret(secret) || secret.metadata.deletionTimestamp) return done;
    const account = await accountOf(secret, context);
    try {
      if (!account) await client.delete(secrets, secret.metadata.name!, { namespace: secret.metadata.namespace, preconditions: { uid: secret.metadata.uid }, signal });
      else {
        const next = completed(secret, account, state);
        // The resource version goes along: of two fillings at once only one counts.
        if (next) await client.update(secrets, next, { signal });
      }
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error;
    }
    return done;
  },
});

/** The account a secret is for; asked of the API where the cache does not know it, as the cache may be behind. */
async function accountOf(secret: Secret, { client, lister, signal }: ControllerContext): Promise<ServiceAccount | undefined> {
  const key = accountKeyOf(secret);
  const cached = lister(serviceAccounts).get(key);
  if (isFor(secret, cached)) return cached;
  const { namespace, name } = splitKey(key);
  try {
    const fresh = await client.get(serviceAccounts, name, { namespace, signal });
    return isFor(secret, fresh) ? fresh : undefined;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return undefined;
  }
}

/** Takes a deleted secret's name off its account's list. */
async function forget(secret: Secret, { client, clock, lister, signal }: ControllerContext): Promise<void> {
  const key = accountKeyOf(secret);
  const { namespace, name } = splitKey(key);
  const names = (account: ServiceAccount | undefined) => isFor(secret, account) && (account.secrets?.some((ref) => ref.name === secret.metadata.name) ?? false);
  if (!names(lister(serviceAccounts).get(key))) return;
  await retryOnConflict(clock, async () => {
    try {
      const account = await client.get(serviceAccounts, name, { namespace, signal });
      if (!names(account)) return;
      await client.update(serviceAccounts, { ...account, secrets: account.secrets!.filter((ref) => ref.name !== secret.metadata.name) }, { signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  });
}

/** A flag's value is a path, the PEM itself, or a promise of either. */
async function content(value: unknown): Promise<string | undefined> {
  const given = await value;
  if (typeof given !== 'string' || !given) return undefined;
  return given.includes('-----BEGIN') ? given : readFile(given, 'utf8');
}
