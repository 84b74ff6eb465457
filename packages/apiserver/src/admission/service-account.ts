/** Every pod runs as a service account: the default one is filled in, and a token for it mounted. */
import type { Container, Pod, ServiceAccount, Volume } from '@pilothouse/api-schemas/types/core/v1';
import { goQuote, serviceAccounts } from '@pilothouse/apimachinery';
import { andThen, type Awaitable } from '@pilothouse/base';
import type { AdmissionAttributes, AdmissionPlugin } from '../contract.ts';
import { podReferences } from '../auth/authorizers/node-graph.ts';
import { plainError } from '../request/errors.ts';
import { isAbout, refuse } from './refuse.ts';

const tokenPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const volumePrefix = 'kube-api-access-';
const mirror = 'kubernetes.io/config.mirror';
/** The default account is made by a controller a moment after its namespace: how often and how long (ms) to wait for it. */
const tries = 10;
const waitMs = 100;

const isMirror = (pod: Pod) => pod.metadata.annotations?.[mirror] !== undefined;

const accountOf = (a: AdmissionAttributes, name: string): Awaitable<ServiceAccount> => a.read.peek(serviceAccounts, name, a.namespace) ?? awaitAccount(a, name);

async function awaitAccount(a: AdmissionAttributes, name: string): Promise<ServiceAccount> {
  for (let attempt = 1; ; attempt++) {
    const account = await a.read.get(serviceAccounts, name, a.namespace);
    if (account) return account;
    if (name !== 'default' || attempt >= tries) throw refuse(a, `error looking up service account ${a.namespace}/${name}: serviceaccount ${goQuote(name)} not found`);
    await a.clock.sleep(waitMs);
  }
}

const tokenVolume = (name: string): Volume => ({
  name,
  projected: {
    defaultMode: 420,
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { items: [{ key: 'ca.crt', path: 'ca.crt' }], name: 'kube-root-ca.crt' } },
      { downwardAPI: { items: [{ fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' }, path: 'namespace' }] } },
    ],
  },
});

function mountToken(a: AdmissionAttributes, pod: Pod): void {
  const spec = pod.spec!;
  const held = spec.volumes?.find((v) => v.name?.startsWith(volumePrefix))?.name;
  const name = held ?? `${volumePrefix}${a.random.suffix(5)}`;
  let used = false;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])] as Container[]) {
    if (container.volumeMounts?.some((m) => m.mountPath === tokenPath)) continue;
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: tokenPath }];
    used = true;
  }
  if (used && !held) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
}

/** Go's strconv.ParseBool, for which anything else is false. */
const isTrue = (text: string | undefined) => ['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text ?? '');

/** What a pod refers to that its account does not list, where the account insists on it. */
export function unmountable(account: ServiceAccount, pod: Pod): string | undefined {
  if (!isTrue(account.metadata.annotations?.['kubernetes.io/enforce-mountable-secrets'])) return undefined;
  const mountable = new Set((account.secrets ?? []).map((s) => s.name));
  const name = account.metadata.name;
  const tail = `is not allowed because service account ${name} does not reference that secret`;
  for (const volume of pod.spec?.volumes ?? []) if (volume.secret && !mountable.has(volume.secret.secretName)) return `volume with secret.secretName="${volume.secret.secretName}" ${tail}`;
  const groups: [string, Container[]][] = [
    ['init container', (pod.spec?.initContainers ?? []) as Container[]],
    ['container', (pod.spec?.containers ?? []) as Container[]],
    ['ephemeral container', (pod.spec?.ephemeralContainers ?? []) as Container[]],
  ];
  for (const [what, containers] of groups) {
    for (const container of containers) {
      for (const env of container.env ?? []) {
        const secret = env.valueFrom?.secretKeyRef;
        if (secret && !mountable.has(secret.name)) return `${what} ${container.name} with envVar ${env.name} referencing secret.secretName="${secret.name}" ${tail}`;
      }
      for (const from of container.envFrom ?? []) if (from.secretRef && !mountable.has(from.secretRef.name)) return `${what} ${container.name} with envFrom referencing secret.secretName="${from.secretRef.name}" ${tail}`;
    }
  }
  const pullable = new Set((account.imagePullSecrets ?? []).map((s) => s.name));
  for (const [at, secret] of (pod.spec?.imagePullSecrets ?? []).entries()) if (!pullable.has(secret.name)) return `imagePullSecrets[${at}].name="${secret.name}" is not allowed because service account ${name} does not reference that imagePullSecret`;
  return undefined;
}

function checkMirror(a: AdmissionAttributes, pod: Pod): void {
  if (pod.spec!.serviceAccountName) throw refuse(a, 'a mirror pod may not reference service accounts');
  // As if it were no mirror pod: those are given no references at all.
  const references = podReferences({ ...pod, metadata: { ...pod.metadata, annotations: {} } });
  if (references.some((r) => r.startsWith('secrets/'))) throw refuse(a, 'a mirror pod may not reference secrets');
  if (pod.spec!.volumes?.some((v) => v.projected?.sources?.some((s) => s.serviceAccountToken))) throw refuse(a, 'a mirror pod may not use ServiceAccountToken volume projections');
}

/** The account the pod runs as. @throws where it names none */
function namedAccount(a: AdmissionAttributes, pod: Pod): Awaitable<ServiceAccount> {
  const name = pod.spec?.serviceAccountName;
  if (!name) throw refuse(a, `no service account specified for pod ${a.namespace}/${pod.metadata.name ?? ''}`);
  return accountOf(a, name);
}

function check(a: AdmissionAttributes): Awaitable<void> {
  if (!isAbout(a, 'pods')) return;
  const pod = a.object as Pod;
  if (a.operation === 'UPDATE') {
    if (a.subresource !== 'ephemeralcontainers') return;
    return andThen(namedAccount(a, pod), (account) => {
      const why = unmountable(account, { ...pod, spec: { ...pod.spec!, volumes: [], containers: [], initContainers: [], imagePullSecrets: [] } });
      // Upstream forgets to say that it is forbidden.
      if (why) throw plainError(why);
    });
  }
  if (a.subresource || !pod.spec) return;
  if (isMirror(pod)) return checkMirror(a, pod);
  return andThen(namedAccount(a, pod), (account) => {
    const why = unmountable(account, pod);
    if (why) throw refuse(a, why);
  });
}

export const serviceAccount: AdmissionPlugin = {
  name: 'ServiceAccount',
  operations: ['CREATE', 'UPDATE'],
  mutate(a) {
    if (!isAbout(a, 'pods') || a.subresource || a.operation !== 'CREATE' || !a.object?.spec) return;
    if (isMirror(a.object)) return check(a);
    const { spec } = a.object as { spec: NonNullable<Pod['spec']> };
    spec.serviceAccountName ||= 'default';
    spec.serviceAccount = spec.serviceAccountName;
    return andThen(accountOf(a, spec.serviceAccountName!), (account) => {
      if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(a, a.object);
      if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length) spec.imagePullSecrets = structuredClone(account.imagePullSecrets);
      return check(a);
    });
  },
  validate: check,
};
