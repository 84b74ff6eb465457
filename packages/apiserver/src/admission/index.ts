/** The admission steps in upstream's order, and which of them run. */
import { resourceQuotas } from '@pilothouse/apimachinery';
import { UserError } from '@pilothouse/base';
import { escalationCheck } from '../auth/rbac/escalation.ts';
import type { RbacIndex } from '../auth/rbac/index.ts';
import type { LoopbackClient } from '../bootstrap/client.ts';
import type { AdmissionPlugin } from '../contract.ts';
import { certificateApproval, certificateSigning, certificateSubjectRestriction } from './certificates.ts';
import { defaultIngressClass } from './default-ingress-class.ts';
import { defaultTolerationSeconds, type TolerationDefaults } from './default-toleration-seconds.ts';
import { type EventLimit, eventRateLimit } from './event-rate-limit.ts';
import { limitRanger } from './limit-ranger.ts';
import { podNodeSelector, podTolerationRestriction, type TolerationRestriction } from './namespace-annotations.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { alwaysAdmit, alwaysDeny, alwaysPullImages, denyServiceExternalIPs, extendedResourceToleration, limitPodHardAntiAffinityTopology, namespaceAutoProvision, namespaceExists, ownerReferencesPermissionEnforcement } from './optional.ts';
import { nodeDeclaredFeatureValidator, podResizeValidator } from './pod-resize.ts';
import { podSecurity, type PodSecurityOptions } from './pod-security/index.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';
import { priority } from './priority.ts';
import { resourceQuota } from './resource-quota/index.ts';
import { runtimeClass } from './runtime-class.ts';
import { serviceAccount } from './service-account.ts';
import { defaultStorageClass, persistentVolumeClaimResize, storageObjectInUseProtection } from './storage.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';

export interface AdmissionOptions {
  /** `--enable-admission-plugins`, `--disable-admission-plugins`. */
  enable?: readonly string[];
  disable?: readonly string[];
  /** Writes quota status; calls come only once the server answers. */
  client: LoopbackClient;
  /** Absent: RBAC is not an authorization mode, and roles may be written freely. */
  rbac?: RbacIndex;
  podSecurity?: PodSecurityOptions;
  tolerations?: TolerationDefaults;
  /** Settings of steps that are off by default. */
  podNodeSelector?: Readonly<Record<string, string>>;
  podTolerationRestriction?: TolerationRestriction;
  eventRateLimits?: readonly EventLimit[];
  /** Steps made elsewhere (webhooks, policies). They take the place of their name in the order; others come before the quota. */
  further?: readonly AdmissionPlugin[];
}

interface Entry {
  name: string;
  /** Runs unless disabled. */
  on?: boolean;
  /** Absent: made elsewhere and given as `further`. */
  make?(options: AdmissionOptions): AdmissionPlugin;
}

/** NodeRestriction is on besides upstream's own defaults: every installer turns it on. */
const ordered: readonly Entry[] = [
  { name: 'AlwaysAdmit', make: () => alwaysAdmit },
  { name: 'NamespaceAutoProvision', make: (o) => namespaceAutoProvision(o.client) },
  { name: 'NamespaceLifecycle', on: true, make: () => namespaceLifecycle },
  { name: 'NamespaceExists', make: () => namespaceExists },
  { name: 'LimitPodHardAntiAffinityTopology', make: () => limitPodHardAntiAffinityTopology },
  { name: 'LimitRanger', on: true, make: () => limitRanger },
  { name: 'ServiceAccount', on: true, make: () => serviceAccount },
  { name: 'NodeRestriction', on: true, make: () => nodeRestriction },
  { name: 'TaintNodesByCondition', on: true, make: () => taintNodesByCondition },
  { name: 'AlwaysPullImages', make: () => alwaysPullImages },
  { name: 'PodSecurity', on: true, make: (o) => podSecurity(o.podSecurity) },
  { name: 'PodNodeSelector', make: (o) => podNodeSelector(o.podNodeSelector) },
  { name: 'Priority', on: true, make: () => priority },
  { name: 'DefaultTolerationSeconds', on: true, make: (o) => defaultTolerationSeconds(o.tolerations) },
  { name: 'PodTolerationRestriction', make: (o) => podTolerationRestriction(o.podTolerationRestriction) },
  { name: 'EventRateLimit', make: (o) => eventRateLimit(o.eventRateLimits ?? []) },
  { name: 'ExtendedResourceToleration', make: () => extendedResourceToleration },
  { name: 'DefaultStorageClass', on: true, make: () => defaultStorageClass },
  { name: 'StorageObjectInUseProtection', on: true, make: () => storageObjectInUseProtection },
  { name: 'OwnerReferencesPermissionEnforcement', make: () => ownerReferencesPermissionEnforcement },
  { name: 'PersistentVolumeClaimResize', on: true, make: () => persistentVolumeClaimResize },
  { name: 'RuntimeClass', on: true, make: () => runtimeClass },
  { name: 'CertificateApproval', on: true, make: () => certificateApproval },
  { name: 'CertificateSigning', on: true, make: () => certificateSigning },
  { name: 'CertificateSubjectRestriction', on: true, make: () => certificateSubjectRestriction },
  { name: 'DefaultIngressClass', on: true, make: () => defaultIngressClass },
  { name: 'DenyServiceExternalIPs', make: () => denyServiceExternalIPs },
  { name: 'PodTopologyLabels', on: true, make: () => podTopologyLabels },
  { name: 'NodeDeclaredFeatureValidator', on: true, make: () => nodeDeclaredFeatureValidator },
  { name: 'PodResizeValidator', on: true, make: () => podResizeValidator },
  { name: 'MutatingAdmissionPolicy', on: true },
  { name: 'MutatingAdmissionWebhook', on: true },
  { name: 'ValidatingAdmissionPolicy', on: true },
  { name: 'ValidatingAdmissionWebhook', on: true },
  { name: 'ResourceQuota', on: true, make: ({ client }) => resourceQuota({ updateStatus: (quota) => client.update(resourceQuotas, quota, 'status'), get: (name, namespace) => client.get(resourceQuotas, name, namespace) }) },
  { name: 'AlwaysDeny', make: () => alwaysDeny },
];

/** Names for `--enable-admission-plugins`, in order. */
export const admissionPluginNames: readonly string[] = ordered.map((e) => e.name);
export const defaultAdmissionPlugins: readonly string[] = ordered.filter((e) => e.on).map((e) => e.name);

/** The chain. @throws UserError for a name that does not exist */
export function standardAdmission(options: AdmissionOptions): AdmissionPlugin[] {
  const { enable = [], disable = [], further = [], rbac } = options;
  const given = new Map(further.map((plugin) => [plugin.name, plugin]));
  for (const [flag, names] of [['enable', enable], ['disable', disable]] as const) {
    for (const name of names) if (!admissionPluginNames.includes(name) && !given.has(name)) throw new UserError(`--${flag}-admission-plugins: there is no plugin ${JSON.stringify(name)}; there are ${admissionPluginNames.join(', ')}`);
  }
  const runs = (name: string, on: boolean | undefined) => (on || enable.includes(name)) && !disable.includes(name);
  const chain: AdmissionPlugin[] = [];
  for (const { name, on, make } of ordered) {
    if (name === 'ResourceQuota') for (const plugin of further) if (!admissionPluginNames.includes(plugin.name) && runs(plugin.name, true)) chain.push(plugin);
    const plugin = given.get(name) ?? make?.(options);
    if (plugin && runs(name, on)) chain.push(plugin);
  }
  if (rbac) chain.push(escalationCheck(rbac));
  return chain;
}
