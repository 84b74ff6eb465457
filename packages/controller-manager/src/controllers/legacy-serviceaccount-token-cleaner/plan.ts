/** Which tokens kept in secrets nobody uses. Pure. @see https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#legacy-serviceaccount-token-cleaner */
import { formatTime, parseTime } from '@pilothouse/base';
import type { Container, Pod, Secret, ServiceAccount } from '@pilothouse/api-schemas/types/core/v1';

export const lastUsedLabel = 'kubernetes.io/legacy-token-last-used';
export const invalidSinceLabel = 'kubernetes.io/legacy-token-invalid-since';
const dayMs = 24 * 3_600_000;
const dateForm = /^\d{4}-\d{2}-\d{2}$/;

/** `2026-01-31` */
export const dateOf = (ms: number): string => formatTime(ms).slice(0, 10);
const isDate = (text: string | undefined): text is string => text !== undefined && dateForm.test(text) && !Number.isNaN(parseTime(text));

/** Since when use is noted for certain, in ms: the day after the one written down. @throws where it is no date */
export function trackedSinceMs(since: string | undefined): number {
  if (since === undefined) throw new Error('configMap does not have since label');
  if (!isDate(since)) throw new Error(`error parsing trackedSince time: ${JSON.stringify(since)} is no date`);
  return parseTime(since) + dayMs;
}

export type Fate = 'keep' | 'mark' | 'delete';

/** What becomes of a token: unused for `periodMs` it is marked as invalid, and marked for as long it is deleted. Only tokens made for the account are touched. */
export function fateOf(secret: Secret, options: { account: ServiceAccount | undefined; mounted: ReadonlySet<string>; nowMs: number; periodMs: number }): Fate {
  const { account, mounted, nowMs, periodMs } = options;
  const { name, labels, creationTimestamp, deletionTimestamp, annotations } = secret.metadata;
  const limit = dateOf(nowMs - periodMs);
  if (deletionTimestamp || !(parseTime(creationTimestamp ?? '') < nowMs - periodMs)) return 'keep';
  const used = labels?.[lastUsedLabel];
  if (used !== undefined && (!isDate(used) || used >= limit)) return 'keep';
  const uid = annotations?.['kubernetes.io/service-account.uid'];
  if (!account || (uid && uid !== account.metadata.uid) || !account.secrets?.some((ref) => ref.name === name)) return 'keep';
  if (mounted.has(name!)) return 'keep';
  const invalid = labels?.[invalidSinceLabel];
  if (!isDate(invalid)) return 'mark';
  return invalid >= limit ? 'keep' : 'delete';
}

/** Every secret a pod refers to. */
export function secretsOf({ spec }: Pod): string[] {
  const containers: Pick<Container, 'env' | 'envFrom'>[] = [...(spec?.containers ?? []), ...(spec?.initContainers ?? []), ...((spec?.ephemeralContainers ?? []) as Container[])];
  const names = [
    ...(spec?.imagePullSecrets ?? []).map((ref) => ref.name),
    ...containers.flatMap(({ env = [], envFrom = [] }) => [...env.map((variable) => variable.valueFrom?.secretKeyRef?.name), ...envFrom.map((source) => source.secretRef?.name)]),
    ...(spec?.volumes ?? []).flatMap((volume) => [
      volume.secret?.secretName, ...(volume.projected?.sources ?? []).map((source) => source.secret?.name),
      volume.csi?.nodePublishSecretRef?.name, volume.azureFile?.secretName, volume.cephfs?.secretRef?.name, volume.cinder?.secretRef?.name,
      volume.flexVolume?.secretRef?.name, volume.iscsi?.secretRef?.name, volume.rbd?.secretRef?.name, volume.scaleIO?.secretRef?.name, volume.storageos?.secretRef?.name,
    ]),
  ];
  return names.filter((name): name is string => !!name);
}
