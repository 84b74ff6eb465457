import { UserError } from '@pilothouse/base';

/** Upstream's v1.36 feature gates that controllers look at, each with the setting that is built in here. */
export const featureGates: Readonly<Record<string, boolean>> = {
  AllAlpha: false, AllBeta: false,
  ClusterTrustBundle: false, DRADeviceTaintRules: false, DRADeviceTaints: true, DRAResourcePoolStatus: false, DynamicResourceAllocation: true, GenericWorkload: false,
  HPAConfigurableTolerance: true, HPAScaleToZero: false, JobBackoffLimitPerIndex: true, JobManagedBy: true, JobPodReplacementPolicy: true, JobSuccessPolicy: true,
  MultiCIDRServiceAllocator: true, PodCertificateRequest: false, PreferSameTrafficDistribution: true, SELinuxChangePolicy: true, SeparateTaintEvictionController: true,
  StorageVersionAPI: false, StorageVersionMigrator: false, TaintTolerationComparisonOperators: false, VolumeAttributesClass: true,
};

/** Checks `--feature-gates`: `Name=true` or `Name=false` each. @throws UserError for a gate or a setting that is not built in */
export function checkFeatureGates(settings: readonly string[]): void {
  for (const setting of settings) {
    const [name, value, ...rest] = setting.split('=').map((part) => part.trim());
    if (value === undefined || rest.length) throw new UserError(`--feature-gates: missing bool value for ${name}`);
    if (value !== 'true' && value !== 'false') throw new UserError(`--feature-gates: invalid value of ${name}=${value}, err: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
    const builtIn = featureGates[name];
    if (builtIn === undefined) throw new UserError(`--feature-gates: unrecognized feature gate: ${name}`);
    if (builtIn !== (value === 'true')) throw new UserError(`--feature-gates: cannot set feature gate ${name} to ${value}, feature is locked to ${builtIn}`);
  }
}
