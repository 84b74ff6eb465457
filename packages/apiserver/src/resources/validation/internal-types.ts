/**
 * Where the Go structs that the API server validates (its internal types) differ from the published v1 types they
 * are made from. Everything not named here has the v1 type's fields in the v1 order. Names are the JSON names of v1.
 * @see https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/types.go and its siblings
 */
export interface InternalDifference {
  /** A field (key) stands right after another one (value). In the order given. */
  after?: Readonly<Record<string, string>>;
  /** Fields that exist only in v1. */
  absent?: readonly string[];
  /** Pointers in v1, plain values here: an absent one shows its zero. */
  values?: readonly string[];
  /** Fields that stand at the head of the struct in field `into` here, which is made where it is absent. */
  moved?: { fields: readonly string[]; into: string };
}

export const internalDifferences: Readonly<Record<string, InternalDifference>> = {
  'core/v1.PodSpec': {
    after: { setHostnameAsFQDN: 'subdomain', preemptionPolicy: 'priority', overhead: 'runtimeClassName', enableServiceLinks: 'overhead' },
    absent: ['serviceAccount'],
    moved: { fields: ['hostNetwork', 'hostPID', 'hostIPC', 'shareProcessNamespace', 'hostUsers'], into: 'securityContext' },
  },
  'core/v1.PodSecurityContext': { after: { fsGroupChangePolicy: 'fsGroup' } },
  'core/v1.Volume': { after: { quobyte: 'rbd' } },
  'core/v1.PersistentVolumeSpec': { after: { quobyte: 'rbd', flexVolume: 'iscsi' } },
  'core/v1.ServiceAccountTokenProjection': { values: ['expirationSeconds'] },
  'apps/v1.RollingUpdateDeployment': { values: ['maxUnavailable', 'maxSurge'] },
  'apps/v1.RollingUpdateDaemonSet': { values: ['maxUnavailable', 'maxSurge'] },
  'apps/v1.RollingUpdateStatefulSetStrategy': { values: ['partition'] },
  'flowcontrol/v1.LimitedPriorityLevelConfiguration': { values: ['nominalConcurrencyShares'] },
};
