import * as types from '@pilothouse/apimachinery';
import type { ResourceDefinition } from '../contract.ts';
import { services } from './core/services.ts';
import { endpoints } from './core/endpoints.ts';
import { replicationControllers } from './core/replicationcontrollers.ts';
import { podTemplates } from './core/podtemplates.ts';
import { jobs } from './batch/jobs.ts';
import { cronJobs } from './batch/cronjobs.ts';
import { configMaps } from './core/configmaps.ts';
import { secrets } from './core/secrets.ts';
import { serviceAccounts } from './core/serviceaccounts.ts';
import { namespaces } from './core/namespaces.ts';
import { nodes } from './core/nodes.ts';
import { limitRanges } from './core/limitranges.ts';
import { resourceQuotas } from './core/resourcequotas.ts';
import { persistentVolumes } from './core/persistentvolumes.ts';
import { persistentVolumeClaims } from './core/persistentvolumeclaims.ts';
import { storageClasses, volumeAttributesClasses } from './storage/classes.ts';
import { csiDrivers, csiNodes, csiStorageCapacities } from './storage/csi.ts';
import { volumeAttachments } from './storage/volumeattachments.ts';
import { roles, clusterRoles, roleBindings, clusterRoleBindings } from './rbac/rbac.ts';
import { podDisruptionBudgets } from './policy/poddisruptionbudgets.ts';
import { leases } from './coordination/leases.ts';
import { priorityClasses } from './scheduling/priorityclasses.ts';
import { runtimeClasses } from './node/runtimeclasses.ts';
import { networkPolicies } from './networking/networkpolicies.ts';
import { ingresses, ingressClasses } from './networking/ingresses.ts';
import { ipAddresses, serviceCIDRs } from './networking/service-addresses.ts';
import { endpointSlices } from './discovery/endpointslices.ts';
import { horizontalPodAutoscalers, autoscalingHorizontalPodAutoscalers } from './autoscaling/horizontalpodautoscalers.ts';
import { events, eventsEvents } from './core/events.ts';
import { validatingWebhookConfigurations, mutatingWebhookConfigurations } from './admissionregistration/webhooks.ts';
import { validatingAdmissionPolicies, mutatingAdmissionPolicies, validatingAdmissionPolicyBindings, mutatingAdmissionPolicyBindings } from './admissionregistration/policies.ts';
import { certificateSigningRequests } from './certificates/signing-requests.ts';
import { flowSchemas, priorityLevelConfigurations } from './flowcontrol/flowcontrol.ts';
import { apiServices } from './apiregistration/apiservices.ts';
import { resourceClaims, resourceClaimTemplates } from './resource/claims.ts';
import { deviceClasses } from './resource/deviceclasses.ts';
import { resourceSlices } from './resource/slices.ts';
import { customResourceDefinitions } from './apiextensions/customresourcedefinitions.ts';
import { defineResource } from './define.ts';
import { deployments } from './apps/deployments.ts';
import { replicaSets } from './apps/replicasets.ts';
import { daemonSets } from './apps/daemonsets.ts';
import { statefulSets } from './apps/statefulsets.ts';
import { controllerRevisions } from './apps/controllerrevisions.ts';
import { pods } from './core/pods.ts';
import { defaultResourceOptions, type ResourceOptions } from './options.ts';

export { defineResource, type ResourceBehaviour } from './define.ts';
export { defaultResourceOptions, type ResourceOptions } from './options.ts';

/** Every served built-in resource, in discovery's order. Each call gives definitions with state of their own (allocators). */
export function builtinDefinitions(options: Partial<ResourceOptions> = {}): readonly ResourceDefinition[] {
  return resources.map((resource) => (typeof resource === 'function' ? resource({ ...defaultResourceOptions, ...options }) : resource));
}

/** A line per resource; a function where the resource depends on how the cluster is set up. */
const resources: readonly (ResourceDefinition | ((options: ResourceOptions) => ResourceDefinition))[] = [
  defineResource(types.bindings, { virtual: true }),
  defineResource(types.componentStatuses, { virtual: true }),
  configMaps,
  endpoints,
  events,
  limitRanges,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  podTemplates,
  replicationControllers,
  resourceQuotas,
  secrets,
  serviceAccounts,
  services,
  apiServices,
  controllerRevisions,
  daemonSets,
  deployments,
  replicaSets,
  statefulSets,
  eventsEvents,
  defineResource(types.selfSubjectReviews, { virtual: true }),
  defineResource(types.tokenReviews, { virtual: true }),
  defineResource(types.localSubjectAccessReviews, { virtual: true }),
  defineResource(types.selfSubjectAccessReviews, { virtual: true }),
  defineResource(types.selfSubjectRulesReviews, { virtual: true }),
  defineResource(types.subjectAccessReviews, { virtual: true }),
  horizontalPodAutoscalers,
  autoscalingHorizontalPodAutoscalers,
  cronJobs,
  jobs,
  certificateSigningRequests,
  ingressClasses,
  ingresses,
  ipAddresses,
  networkPolicies,
  serviceCIDRs,
  podDisruptionBudgets,
  clusterRoleBindings,
  clusterRoles,
  roleBindings,
  roles,
  csiDrivers,
  csiNodes,
  csiStorageCapacities,
  storageClasses,
  volumeAttachments,
  volumeAttributesClasses,
  mutatingAdmissionPolicies,
  mutatingAdmissionPolicyBindings,
  mutatingWebhookConfigurations,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
  validatingWebhookConfigurations,
  customResourceDefinitions,
  priorityClasses,
  leases,
  runtimeClasses,
  endpointSlices,
  deviceClasses,
  resourceClaims,
  resourceClaimTemplates,
  resourceSlices,
  flowSchemas,
  priorityLevelConfigurations,
];
