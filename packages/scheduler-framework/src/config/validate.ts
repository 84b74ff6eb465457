/** Findings of upstream's validation of a KubeSchedulerConfiguration, in its words. */
import { duplicate, type FieldError, invalid, required } from '@pilothouse/apimachinery/field-error';
import { validateLabelName } from '@pilothouse/apimachinery/validation/object-meta';
import { extensionPoints } from '../contract.ts';
import { sameValue } from '../events/changes.ts';
import type { Features } from '../features.ts';
import { isExtendedResource } from '../pod/amounts.ts';
import { formatGoDuration, parseGoDuration } from './go-duration.ts';
import { configApiVersion, type DefaultedConfiguration, type DefaultedProfile, type ExtenderConfig } from './types.ts';
import { argValidators } from './validate-args.ts';

/** Plugins that v1 no longer knows. */
const removedPlugins = new Set(['AzureDiskLimits', 'CinderLimits', 'EBSLimits', 'GCEPDLimits']);
const removed = (field: string, name: string) => invalid(field, name, `was invalid in version "${configApiVersion}" (KubeSchedulerConfiguration is version "${configApiVersion}")`);

export function validateConfiguration(config: DefaultedConfiguration, features: Features): FieldError[] {
  const errors: FieldError[] = [];
  if ((config.clientConnection.burst ?? 0) < 0) errors.push(invalid('clientConnection.burst', config.clientConnection.burst, 'must be non-negative'));
  errors.push(...validateLeaderElection(config.leaderElection));
  if (config.leaderElection.leaderElect && config.leaderElection.resourceLock !== 'leases') errors.push(invalid('leaderElection.resourceLock', config.leaderElection.resourceLock, 'resourceLock value must be "leases"'));
  if (config.parallelism <= 0) errors.push(invalid('parallelism', config.parallelism, 'should be an integer value greater than zero'));
  const seen = new Map<string, number>();
  config.profiles.forEach((profile, i) => {
    errors.push(...validateProfile(`profiles[${i}]`, profile, features));
    const before = seen.get(profile.schedulerName);
    if (before !== undefined) errors.push(duplicate(`profiles[${i}].schedulerName`, `profiles[${before}].schedulerName`));
    seen.set(profile.schedulerName, i);
  });
  errors.push(...validateQueueSort(config.profiles));
  errors.push(...validatePercentage('percentageOfNodesToScore', config.percentageOfNodesToScore));
  if (config.podInitialBackoffSeconds <= 0) errors.push(invalid('podInitialBackoffSeconds', config.podInitialBackoffSeconds, 'must be greater than 0'));
  if (config.podMaxBackoffSeconds < config.podInitialBackoffSeconds) errors.push(invalid('podMaxBackoffSeconds', config.podMaxBackoffSeconds, 'must be greater than or equal to PodInitialBackoffSeconds'));
  errors.push(...validateExtenders(config.extenders));
  return errors;
}

function validateLeaderElection(lease: DefaultedConfiguration['leaderElection']): FieldError[] {
  if (!lease.leaderElect) return [];
  const errors: FieldError[] = [];
  const at = (field: string) => `leaderElection.${field}`;
  const shown = (text: string) => formatGoDuration(parseGoDuration(text));
  for (const field of ['leaseDuration', 'renewDeadline', 'retryPeriod'] as const) if (parseGoDuration(lease[field]) <= 0) errors.push(invalid(at(field), shown(lease[field]), 'must be greater than zero'));
  if (parseGoDuration(lease.leaseDuration) <= parseGoDuration(lease.renewDeadline)) errors.push(invalid(at('leaseDuration'), shown(lease.renewDeadline), 'must be greater than `RenewDeadline`'));
  for (const field of ['resourceLock', 'resourceNamespace', 'resourceName'] as const) if (!lease[field]) errors.push(required(at(field)));
  return errors;
}

const validatePercentage = (field: string, value: number | undefined): FieldError[] => (value !== undefined && (value < 0 || value > 100) ? [invalid(field, value, 'not in valid range [0-100]')] : []);

function validateProfile(path: string, profile: DefaultedProfile, features: Features): FieldError[] {
  const errors: FieldError[] = [];
  if (!profile.schedulerName) errors.push(required(`${path}.schedulerName`));
  errors.push(...validatePercentage(`${path}.percentageOfNodesToScore`, profile.percentageOfNodesToScore));
  for (const point of extensionPoints) {
    profile.plugins[point].enabled!.forEach((entry, i) => {
      if (removedPlugins.has(entry.name)) errors.push(removed(`${path}.plugins.${point}.enabled[${i}]`, entry.name));
    });
  }
  const seen = new Set<string>();
  profile.pluginConfig.forEach(({ name, args }, i) => {
    const field = `${path}.pluginConfig[${i}]`;
    if (seen.has(name)) errors.push(duplicate(field, name));
    seen.add(name);
    if (removedPlugins.has(name)) errors.push(removed(field, name));
    else errors.push(...(argValidators[name]?.(`${field}.args`, args, features) ?? []));
  });
  return errors;
}

/** There is one queue, so all profiles must sort it alike. */
function validateQueueSort(profiles: readonly DefaultedProfile[]): FieldError[] {
  const errors: FieldError[] = [];
  const first = profiles[0].plugins.queueSort;
  if (first.enabled!.length > 1) errors.push(invalid('profiles[0].plugins.queueSort.Enabled', first.enabled!.length, 'only one queue sort plugin can be enabled'));
  const name = first.enabled![0]?.name;
  profiles.slice(1).forEach((profile, i) => {
    if (!sameValue(first, profile.plugins.queueSort)) errors.push(invalid(`profiles[${i + 1}].plugins.queueSort`, profile.plugins.queueSort, 'must be the same for all profiles'));
    if (name && !sameValue(profiles[0].args[name], profile.args[name])) errors.push(invalid(`profiles[${i + 1}].pluginConfig.args`, profile.args[name], 'queueSort must be the same for all profiles'));
  });
  return errors;
}

function validateExtenders(extenders: readonly ExtenderConfig[]): FieldError[] {
  const errors: FieldError[] = [];
  const managed = new Set<string>();
  extenders.forEach((extender, i) => {
    const path = `extenders[${i}]`;
    if (extender.prioritizeVerb && (extender.weight ?? 0) <= 0) errors.push(invalid(`${path}.weight`, extender.weight ?? 0, 'must have a positive weight applied to it'));
    extender.managedResources?.forEach(({ name }, j) => {
      const field = `${path}.managedResources[${j}].name`;
      const malformed = validateLabelName(name, field);
      if (malformed.length) errors.push(...malformed);
      else if (!isExtendedResource(name)) errors.push(invalid(field, name, 'is an invalid extended resource name'));
      if (managed.has(name)) errors.push(invalid(field, name, 'duplicate extender managed resource name'));
      managed.add(name);
    });
  });
  const binders = extenders.filter((e) => e.bindVerb).length;
  if (binders > 1) errors.push(invalid('extenders', `found ${binders} extenders implementing bind`, 'only one extender can implement bind'));
  return errors;
}
