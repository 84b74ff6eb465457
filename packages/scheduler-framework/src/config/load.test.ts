import { describe, expect, test } from 'vitest';
import { describeProfile } from '../case/run-case.ts';
import { defaultPlugins } from '../plugins/index.ts';
import { nodeName } from '../plugins/node-name/node-name.ts';
import { createProfile } from '../profile.ts';
import { pluginBench } from '../testing/bench.ts';
import { ConfigurationError, loadConfiguration } from './load.ts';
import type { KubeSchedulerProfile } from './types.ts';

const withProfile = (profile: KubeSchedulerProfile) => ({ apiVersion: 'kubescheduler.config.k8s.io/v1', kind: 'KubeSchedulerConfiguration', profiles: [profile] });
const withArgs = (name: string, args: Record<string, unknown>) => withProfile({ pluginConfig: [{ name, args }] });
const made = (profile: KubeSchedulerProfile) => createProfile(loadConfiguration(withProfile(profile)).profiles[0], defaultPlugins, pluginBench(nodeName).handle);

function refusal(config: unknown): string | undefined {
  try {
    loadConfiguration(config);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message;
  }
}

describe('a KubeSchedulerConfiguration', () => {
  test('may be empty', () => {
    const config = loadConfiguration({});
    expect(config).toMatchObject({ parallelism: 16, percentageOfNodesToScore: 0, podInitialBackoffSeconds: 1, podMaxBackoffSeconds: 10, leaderElection: { leaderElect: true, leaseDuration: '15s', resourceName: 'kube-scheduler', resourceNamespace: 'kube-system' } });
    expect(config.profiles[0]).toMatchObject({ schedulerName: 'default-scheduler', args: { NodeResourcesFit: { scoringStrategy: { type: 'LeastAllocated', resources: [{ name: 'cpu', weight: 1 }, { name: 'memory', weight: 1 }] } }, DefaultPreemption: { minCandidateNodesPercentage: 10, minCandidateNodesAbsolute: 100 } } });
  });

  test.each([
    [{ apiVersion: 'kubescheduler.config.k8s.io/v1beta3' }, 'no kind "KubeSchedulerConfiguration" is registered for version "kubescheduler.config.k8s.io/v1beta3"'],
    [{ paralelism: 1, profiles: [{ plugins: { filters: {} } }] }, 'strict decoding error: unknown field "paralelism", unknown field "profiles[0].plugins.filters"'],
    [{ parallelism: -1 }, 'parallelism: Invalid value: -1: should be an integer value greater than zero'],
    [{ percentageOfNodesToScore: 101 }, 'percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]'],
    [{ podInitialBackoffSeconds: 20 }, 'podMaxBackoffSeconds: Invalid value: 10: must be greater than or equal to PodInitialBackoffSeconds'],
    [{ profiles: [{ schedulerName: 'a' }, { schedulerName: 'a' }] }, 'profiles[1].schedulerName: Duplicate value: "profiles[0].schedulerName"'],
    [{ profiles: [{ schedulerName: 'a' }, {}] }, 'profiles[1].schedulerName: Required value'],
    [withArgs('InterPodAffinity', { hardPodAffinityWeight: 101 }), 'profiles[0].pluginConfig[0].args.hardPodAffinityWeight: Invalid value: 101: not in valid range [0, 100]'],
    [withArgs('PodTopologySpread', { defaultConstraints: [{ maxSkew: 1, topologyKey: 'z', whenUnsatisfiable: 'DoNotSchedule' }] }), 'profiles[0].pluginConfig[0].args.defaultingType: Invalid value: "System": when .defaultConstraints are not empty'],
    [withArgs('VolumeBinding', { shape: [{ utilization: 0, score: 0 }] }), 'profiles[0].pluginConfig[0].args.shape: Invalid value: [{"utilization":0,"score":0}]: unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring'],
    [withArgs('NodeResourcesFit', { scoringStrategy: { type: 'RequestedToCapacityRatio' } }), 'profiles[0].pluginConfig[0].args.scoringStrategy.requestedToCapacityRatio: Required value: must be specified when type is RequestedToCapacityRatio'],
    [withArgs('EBSLimits', {}), 'profiles[0].pluginConfig[0]: Invalid value: "EBSLimits": was invalid in version "kubescheduler.config.k8s.io/v1" (KubeSchedulerConfiguration is version "kubescheduler.config.k8s.io/v1")'],
    [{ extenders: [{ urlPrefix: 'http://x', prioritizeVerb: 'p' }] }, 'extenders[0].weight: Invalid value: 0: must have a positive weight applied to it'],
  ])('is refused: %j', (config, message) => {
    expect(refusal(config)).toBe(message);
  });

  test('disables, reorders and weighs plugins', () => {
    const profile = made({ plugins: { multiPoint: { disabled: [{ name: 'ImageLocality' }], enabled: [{ name: 'TaintToleration', weight: 7 }] }, score: { disabled: [{ name: 'NodeAffinity' }], enabled: [{ name: 'InterPodAffinity', weight: 9 }] }, filter: { disabled: [{ name: '*' }], enabled: [{ name: 'NodeResourcesFit' }] } } });
    const { filter, score } = describeProfile(profile);
    expect(filter).toEqual(['NodeResourcesFit']);
    expect(score.map((s) => `${s.name} ${s.weight}`)).toEqual(['InterPodAffinity 9', 'TaintToleration 7', 'NodeResourcesFit 1', 'VolumeBinding 1', 'PodTopologySpread 2', 'DynamicResources 2', 'NodeResourcesBalancedAllocation 1']);
  });

  test.each([
    [{ filter: { enabled: [{ name: 'Nope' }] } }, 'FilterPlugin "Nope" does not exist'],
    [{ filter: { enabled: [{ name: 'ImageLocality' }] } }, 'plugin "ImageLocality" does not extend FilterPlugin plugin'],
    [{ bind: { disabled: [{ name: '*' }] } }, 'at least one bind plugin is needed for profile with scheduler name "default-scheduler"'],
    [{ queueSort: { disabled: [{ name: 'PrioritySort' }] } }, 'only one queue sort plugin required for profile with scheduler name "default-scheduler", but got 0'],
  ])('cannot be made into a profile: %j', (plugins, message) => {
    expect(() => made({ plugins })).toThrow(message);
  });
});
