import { controllerOf, replicaSets } from '@pilothouse/apimachinery';
import { selectorOf } from '@pilothouse/controller-runtime';
import { pods } from '@pilothouse/apimachinery';
import { replicaController } from './replica-controller.ts';

/** Keeps as many pods as a ReplicaSet asks for. @see https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/ */
export const replicaSetController = replicaController({
  type: replicaSets,
  name: 'replicaset-controller',
  aliases: ['replicaset'],
  serviceAccount: 'replicaset-controller',
  reportsTerminating: true,
  read: ({ metadata, spec, status }) => ({ generation: metadata.generation ?? 0, replicas: spec?.replicas ?? 1, minReadySeconds: spec?.minReadySeconds ?? 0, template: spec?.template ?? {}, status: status ?? { replicas: 0 } }),
  selector: (replicaSet) => selectorOf(replicaSet.spec?.selector),
  relatedPods(replicaSet, context) {
    const owner = controllerOf(replicaSet);
    const siblings = owner ? context.lister(replicaSets).ownedBy(owner.uid) : [];
    const found = new Map<string, ReturnType<typeof lister.list>[number]>();
    const lister = context.lister(pods);
    for (const sibling of siblings) {
      const selector = selectorOf(sibling.spec?.selector);
      for (const pod of lister.inNamespace(sibling.metadata.namespace ?? '')) if (selector.matches(pod.metadata.labels)) found.set(pod.metadata.uid!, pod);
    }
    return [...found.values()];
  },
});
