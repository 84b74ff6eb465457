import { namespaces, notFoundError } from '@pilothouse/apimachinery';
import type { AdmissionPlugin } from '../contract.ts';
import { isAbout, refuse } from './refuse.ts';

const immortal = ['default', 'kube-system', 'kube-public'];

/** Nothing is created in a namespace that does not exist or is going away, and the namespaces Kubernetes needs stay. */
export const namespaceLifecycle: AdmissionPlugin = {
  name: 'NamespaceLifecycle',
  operations: ['CREATE', 'UPDATE', 'DELETE'],
  async mutate(a) {
    if (isAbout(a, 'namespaces')) {
      if (a.operation === 'DELETE' && !a.subresource && immortal.includes(a.name)) throw refuse(a, 'this namespace may not be deleted');
      return;
    }
    if (a.operation !== 'CREATE' || !a.namespace || !a.resource.type.namespaced || isAbout(a, 'authorization.k8s.io/localsubjectaccessreviews')) return;
    const namespace = await a.read.get(namespaces, a.namespace);
    if (!namespace) throw notFoundError(namespaces, a.namespace);
    if (namespace.status?.phase !== 'Terminating') return;
    const error = refuse(a, `unable to create new content in namespace ${a.namespace} because it is being terminated`);
    error.status.details = { ...error.status.details, causes: [{ reason: 'NamespaceTerminating', message: `namespace ${a.namespace} is being terminated`, field: 'metadata.namespace' }] };
    throw error;
  },
};
