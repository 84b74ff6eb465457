/** The rules of the controllers of pods: one row a rule or a few that go together. */
import { expect, test } from 'vitest';
import { brief, rulesOf } from '../testing.ts';

const base = { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } };

test.each<[object, unknown[]]>([
  [{ replicas: -1 }, ['spec.replicas: Invalid value: -1: must be greater than or equal to 0']],
  [{ minReadySeconds: -1, revisionHistoryLimit: -1, progressDeadlineSeconds: 0 }, ['spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0', 'spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0']],
  [{ strategy: { type: 'x' } }, ['spec.strategy: Unsupported value: {"Type":"x","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"']],
  [{ strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } }, ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"]],
  [{ strategy: { rollingUpdate: { maxSurge: 'x%', maxUnavailable: -1 } } }, ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: -1: must be greater than or equal to 0', `spec.strategy.rollingUpdate.maxSurge: Invalid value: "x%": a valid percent string must be a numeric string followed by an ending '%'`]],
  [{ strategy: { rollingUpdate: { maxSurge: '0%', maxUnavailable: 0 } } }, ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0']],
  [{ selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } }, ["spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'", 'spec.selector: Invalid value: {"matchExpressions":[{"key":"a","operator":"In"}]}: invalid label selector']],
  [{ template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }], restartPolicy: 'Never', activeDeadlineSeconds: 5 } } }, ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"', 'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported']],
])('deployments %j', (spec, findings) => {
  expect(brief(rulesOf('apps', 'deployments').create({ spec: { ...base, ...spec } }))).toEqual(findings);
});

test.each<[object, unknown[]]>([
  [{ replicas: -1 }, ['spec.replicas: Invalid value: -1: must be greater than or equal to 0']],
  [{ template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }], restartPolicy: 'OnFailure' } } }, ['spec.template.spec.restartPolicy: Unsupported value: "OnFailure": supported values: "Always"']],
])('replicasets %j', (spec, findings) => {
  expect(brief(rulesOf('apps', 'replicasets').create({ spec: { ...base, ...spec } }))).toEqual(findings);
});

test.each<[object, unknown[]]>([
  [{ updateStrategy: { type: 'x' } }, ['spec.updateStrategy: Unsupported value: {"Type":"x","RollingUpdate":null}: supported values: "RollingUpdate", "OnDelete"']],
  [{ updateStrategy: { rollingUpdate: { maxUnavailable: 0 } } }, ['spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0']],
  [{ updateStrategy: { rollingUpdate: { maxUnavailable: 1, maxSurge: '1%' } } }, ['spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "1%": may not be set when maxUnavailable is non-zero']],
  [{ updateStrategy: { rollingUpdate: { maxUnavailable: '200%' } } }, ['spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "200%": must not be greater than 100%']],
  [{ template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }], restartPolicy: 'OnFailure', activeDeadlineSeconds: 1 } } }, ['spec.template.spec.restartPolicy: Unsupported value: "OnFailure": supported values: "Always"', 'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not Supported']],
  [{ selector: {} }, ['spec.selector: Invalid value: {}: empty selector is invalid for daemonset']],
])('daemonsets %j', (spec, findings) => {
  expect(brief(rulesOf('apps', 'daemonsets').create({ spec: { ...base, ...spec } }))).toEqual(findings);
});

test.each<[object, unknown[]]>([
  [{ podManagementPolicy: 'x' }, [`spec.podManagementPolicy: Invalid value: "x": must be 'OrderedReady' or 'Parallel'`]],
  [{ updateStrategy: { type: 'x' } }, [`spec.updateStrategy: Invalid value: {"Type":"x","RollingUpdate":null}: must be 'RollingUpdate' or 'OnDelete'`]],
  [{ updateStrategy: { type: 'OnDelete', rollingUpdate: { partition: 1 } } }, [`spec.updateStrategy.rollingUpdate: Invalid value: {"Partition":1,"MaxUnavailable":null}: only allowed for updateStrategy 'RollingUpdate'`]],
  [{ updateStrategy: { rollingUpdate: { partition: -1 } } }, ['spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0']],
  [{ replicas: -1, minReadySeconds: -1, ordinals: { start: -1 }, revisionHistoryLimit: -1, serviceName: 'A' }, ['spec.replicas: Invalid value: -1: must be greater than or equal to 0', 'spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0', 'spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0', `spec.serviceName: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character`]],
  [{ persistentVolumeClaimRetentionPolicy: { whenDeleted: 'x' } }, ['spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "x": supported values: "Retain", "Delete"']],
  [{ volumeClaimTemplates: [{ metadata: { name: 'a' } }] }, ['spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required', 'spec.volumeClaimTemplates[0].spec.resources[storage]: Required value']],
  [{ selector: {} }, ['spec.selector: Invalid value: {}: empty selector is invalid for statefulset']],
])('statefulsets %j', (spec, findings) => {
  expect(brief(rulesOf('apps', 'statefulsets').create({ spec: { ...base, ...spec } }))).toEqual(findings);
});

test.each<[object, unknown[]]>([
  [{ revision: -1 }, ['revision: Invalid value: -1: must be greater than or equal to 0', 'data: Required value: data is mandatory']],
  [{ revision: 1, data: [1] }, ['data: Required value: data must be a valid JSON object']],
])('controllerrevisions %j', (spec, findings) => {
  expect(brief(rulesOf('apps', 'controllerrevisions').create(spec))).toEqual(findings);
});
