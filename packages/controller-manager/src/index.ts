import type { ControllerDefinition } from '@pilothouse/controller-runtime';
import { bootstrapSignerController } from './controllers/bootstrap/signer/controller.ts';
import { tokenCleanerController } from './controllers/bootstrap/tokencleaner/controller.ts';
import { csrApprovingController } from './controllers/certificates/approver/controller.ts';
import { csrCleanerController } from './controllers/certificates/cleaner/controller.ts';
import { csrSigningController } from './controllers/certificates/signer/controller.ts';
import { clusterRoleAggregationController } from './controllers/clusterroleaggregation/controller.ts';
import { cronJobController } from './controllers/cronjob/controller.ts';
import { daemonSetController } from './controllers/daemonset/controller.ts';
import { deploymentController } from './controllers/deployment/controller.ts';
import { deviceTaintEvictionController } from './controllers/devicetainteviction/controller.ts';
import { disruptionController } from './controllers/disruption/controller.ts';
import { endpointsController } from './controllers/endpoints/controller.ts';
import { endpointSliceController } from './controllers/endpointslice/controller.ts';
import { endpointSliceMirroringController } from './controllers/endpointslicemirroring/controller.ts';
import { garbageCollectorController } from './controllers/garbagecollector/controller.ts';
import { horizontalPodAutoscalerController } from './controllers/horizontalpodautoscaling/controller.ts';
import { hostPathProvisionerController } from './controllers/hostpath-provisioner/controller.ts';
import { jobController } from './controllers/job/controller.ts';
import { legacyTokenCleanerController } from './controllers/legacy-serviceaccount-token-cleaner/controller.ts';
import { namespaceController } from './controllers/namespace/controller.ts';
import { nodeIpamController } from './controllers/nodeipam/controller.ts';
import { nodeLifecycleController } from './controllers/nodelifecycle/controller.ts';
import { podGcController } from './controllers/podgc/controller.ts';
import { replicaSetController } from './controllers/replicaset/controller.ts';
import { replicationController } from './controllers/replicationcontroller/controller.ts';
import { resourceClaimController } from './controllers/resourceclaim/controller.ts';
import { resourceQuotaController } from './controllers/resourcequota/controller.ts';
import { rootCaPublisherController } from './controllers/root-ca-publisher/controller.ts';
import { serviceLbController } from './controllers/service-lb/controller.ts';
import { serviceAccountTokenController } from './controllers/serviceaccount-token/controller.ts';
import { serviceAccountController } from './controllers/serviceaccount/controller.ts';
import { serviceCidrController } from './controllers/servicecidr/controller.ts';
import { statefulSetController } from './controllers/statefulset/controller.ts';
import { taintEvictionController } from './controllers/tainteviction/controller.ts';
import { ttlController } from './controllers/ttl/controller.ts';
import { ttlAfterFinishedController } from './controllers/ttlafterfinished/controller.ts';
import { validatingAdmissionPolicyStatusController } from './controllers/validatingadmissionpolicystatus/controller.ts';
import { attachDetachController } from './controllers/volume/attachdetach/controller.ts';
import { attributesClassProtectionController } from './controllers/volume/attributes-class-protection/controller.ts';
import { ephemeralVolumeController } from './controllers/volume/ephemeral/controller.ts';
import { volumeExpanderController } from './controllers/volume/expand/controller.ts';
import { volumeBinderController } from './controllers/volume/persistentvolume/controller.ts';
import { claimProtectionController, volumeProtectionController } from './controllers/volume/protection/controller.ts';
import { type ControllerManager, type ControllerManagerOptions, runManager } from './manager.ts';

export { installHostPathStorage } from './controllers/hostpath-provisioner/objects.ts';
export { type ControllerManager, type ControllerManagerOptions, selectControllers } from './manager.ts';

/** Every controller, in the order in which they start. Adding one is a folder and a line here. */
export const controllers: readonly ControllerDefinition<any>[] = [
  endpointsController,
  endpointSliceController,
  endpointSliceMirroringController,
  replicationController,
  podGcController,
  namespaceController,
  serviceAccountController,
  garbageCollectorController,
  daemonSetController,
  jobController,
  deploymentController,
  replicaSetController,
  disruptionController,
  statefulSetController,
  cronJobController,
  ttlController,
  nodeIpamController,
  nodeLifecycleController,
  taintEvictionController,
  deviceTaintEvictionController,
  volumeBinderController,
  claimProtectionController,
  volumeProtectionController,
  clusterRoleAggregationController,
  resourceQuotaController,
  ephemeralVolumeController,
  csrApprovingController,
  csrCleanerController,
  csrSigningController,
  horizontalPodAutoscalerController,
  bootstrapSignerController,
  tokenCleanerController,
  serviceAccountTokenController,
  attributesClassProtectionController,
  resourceClaimController,
  legacyTokenCleanerController,
  attachDetachController,
  volumeExpanderController,
  ttlAfterFinishedController,
  serviceCidrController,
  rootCaPublisherController,
  validatingAdmissionPolicyStatusController,
  serviceLbController,
  hostPathProvisionerController,
];

/** Starts the controller manager: see `ControllerManagerOptions`. @throws UserError for an unknown controller */
export const startControllerManager = (options: ControllerManagerOptions): ControllerManager => runManager(controllers, options);
