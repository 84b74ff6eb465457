import { matcherOfSet, noLabel, replicationControllers } from '@pilothouse/apimachinery';
import { replicaController } from '../replicaset/replica-controller.ts';

/** Keeps as many pods as a ReplicationController asks for. @see https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller/ */
export const replicationController = replicaController({
  type: replicationControllers,
  name: 'replicationcontroller-controller',
  aliases: ['replicationcontroller'],
  serviceAccount: 'replication-controller',
  eventSource: 'replication-controller',
  reportsTerminating: false,
  read: ({ metadata, spec, status }) => ({ generation: metadata.generation ?? 0, replicas: spec?.replicas ?? 1, minReadySeconds: spec?.minReadySeconds ?? 0, template: spec?.template ?? {}, status: (status as never) ?? { replicas: 0 } }),
  selector: ({ spec }) => (spec?.selector && Object.keys(spec.selector).length ? matcherOfSet(spec.selector) : noLabel),
});
