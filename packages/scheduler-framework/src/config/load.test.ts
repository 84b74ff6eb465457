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
    [{ parallelism: 'x' }, 'json: cannot unmarshal string into Go struct field KubeSchedulerConfiguration.parallelism of type int32'],
    [{ parallelism: 1.5 }, 'json: cannot unmarshal number 1.5 into Go struct field KubeSchedulerConfiguration.parallelism of type int32'],
    [{ profiles: [{ percentageOfNodesToScore: 'x' }] }, 'json: cannot unmarshal string into Go struct field KubeSchedulerProfile.profiles.percentageOfNodesToScore of type int32'],
    [{ profiles: {} }, 'json: cannot unmarshal object into Go struct field KubeSchedulerConfiguration.profiles of type []v1.KubeSchedulerProfile'],
    [{ leaderElection: { leaseDuration: '15' } }, 'time: missing unit in duration "15"'],
    [{ leaderElection: { leaseDuration: '5s' } }, 'leaderElection.leaseDuration: Invalid value: "10s": must be greater than `RenewDeadline`'],
    [{ leaderElection: { leaderElect: true, resourceLock: 'endpoints' } }, 'leaderElection.resourceLock: Invalid value: "endpoints": resourceLock value must be "leases"'],
    [{ clientConnection: { burst: -1 } }, 'clientConnection.burst: Invalid value: -1: must be non-negative'],
    [withArgs('NodeResourcesFit', { scoringStrategy: { type: 'LeastAllocated', resources: [{ Name: 'cpu', Weight: 1 }] } }), 'strict decoding error: decoding .profiles[0].pluginConfig[0]: strict decoding error: decoding args for plugin NodeResourcesFit: strict decoding error: unknown field "scoringStrategy.resources[0].Name", unknown field "scoringStrategy.resources[0].Weight"'],
    [withArgs('DefaultPreemption', { apiVersion: 'kubescheduler.config.k8s.io/v1', kind: 'InterPodAffinityArgs' }), 'decoding .profiles[0].pluginConfig[0]: args for plugin DefaultPreemption were not of type DefaultPreemptionArgs.kubescheduler.config.k8s.io, got InterPodAffinityArgs.kubescheduler.config.k8s.io'],
    [withArgs('InterPodAffinity', { hardPodAffinityWeight: 'heavy' }), 'decoding .profiles[0].pluginConfig[0]: decoding args for plugin InterPodAffinity: json: cannot unmarshal string into Go struct field InterPodAffinityArgs.hardPodAffinityWeight of type int32'],
    [withArgs('DynamicResources', { bindingTimeout: '10ms' }), 'profiles[0].pluginConfig[0].args.bindingTimeout: Invalid value: "10ms": must be at least 1 second'],
    [{ extenders: [{ urlPrefix: 'http://x', managedResources: [{ name: 'cpu' }] }] }, 'extenders[0].managedResources[0].name: Invalid value: "cpu": is an invalid extended resource name'],
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
    [{ placementScore: { enabled: [{ name: 'NodeName' }] } }, 'plugin "NodeName" does not extend PlacementScorePlugin plugin'],
    [{ bind: { disabled: [{ name: '*' }] } }, 'at least one bind plugin is needed for profile with scheduler name "default-scheduler"'],
    [{ queueSort: { disabled: [{ name: 'PrioritySort' }] } }, 'only one queue sort plugin required for profile with scheduler name "default-scheduler", but got 0'],
  ])('cannot be made into a profile: %j', (plugins, message) => {
    expect(() => made({ plugins })).toThrow(message);
  });
});
