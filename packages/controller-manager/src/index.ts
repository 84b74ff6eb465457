import type { ControllerDefinition } from '@pilothouse/controller-runtime';
import { deploymentController } from './controllers/deployment/controller.ts';
import { endpointsController } from './controllers/endpoints/controller.ts';
import { endpointSliceController } from './controllers/endpointslice/controller.ts';
import { endpointSliceMirroringController } from './controllers/endpointslicemirroring/controller.ts';
import { garbageCollectorController } from './controllers/garbagecollector/controller.ts';
import { namespaceController } from './controllers/namespace/controller.ts';
import { replicaSetController } from './controllers/replicaset/controller.ts';
import { replicationController } from './controllers/replicationcontroller/controller.ts';
import { rootCaPublisherController } from './controllers/root-ca-publisher/controller.ts';
import { serviceAccountController } from './controllers/serviceaccount/controller.ts';

/** Every controller, in the order in which they start. Adding one is a folder and a line here. */
export const controllers: readonly ControllerDefinition<any>[] = [
  endpointsController,
  endpointSliceController,
  endpointSliceMirroringController,
  replicationController,
  namespaceController,
  serviceAccountController,
  garbageCollectorController,
  replicaSetController,
  deploymentController,
  rootCaPublisherController,
];
