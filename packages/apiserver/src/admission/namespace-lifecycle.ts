import type { Namespace } from '@pilothouse/api-schemas/types/core/v1';
import { namespaces, notFoundError } from '@pilothouse/apimachinery';
import { andThen } from '@pilothouse/base';
import type { AdmissionAttributes, AdmissionPlugin } from '../contract.ts';
import { isAbout, refuse } from './refuse.ts';

const immortal = ['default', 'kube-system', 'kube-public'];

/** Nothing is written in a namespace that does not exist, nothing made in one that is going away, and the namespaces Kubernetes needs stay. */
export const namespaceLifecycle: AdmissionPlugin = {
  name: 'NamespaceLifecycle',
  operations: ['CREATE', 'UPDATE', 'DELETE'],
  mutate(a) {
    if (isAbout(a, 'namespaces')) {
      if (a.operation === 'DELETE' && immortal.includes(a.name)) throw refuse(a, 'this namespace may not be deleted');
      return;
    }
    // What is there may still be deleted, whatever became of its namespace.
    if (a.operation === 'DELETE' || !a.namespace || !a.resource.type.namespaced || isAbout(a, 'authorization.k8s.io/localsubjectaccessreviews')) return;
    return andThen(a.read.get(namespaces, a.namespace), (namespace) => checkLives(a, namespace));
  },
};

function checkLives(a: AdmissionAttributes, namespace: Namespace | undefined): void {
  if (!namespace) throw notFoundError(namespaces, a.namespace);
  if (a.operation !== 'CREATE' || namespace.status?.phase !== 'Terminating') return;
  const error = refuse(a, `unable to create new content in namespace ${a.namespace} because it is being terminated`);
  error.status.details = { ...error.status.details, causes: [{ reason: 'NamespaceTerminating', message: `namespace ${a.namespace} is being terminated`, field: 'metadata.namespace' }] };
  throw error;
}
