import type { KubeObject } from '@pilothouse/apimachinery';

/** Removes owner references that occur twice, with a warning as kube-apiserver words it. Changes `object`. */
export function dedupOwnerReferences(object: KubeObject, afterAdmission: boolean, warnings: string[]): void {
  const references = object.metadata.ownerReferences;
  if (!references || references.length < 2) return;
  const seen = new Set<string>();
  const repeated = new Set<string>();
  const kept = references.filter((reference) => {
    const id = JSON.stringify([reference.apiVersion, reference.kind, reference.name, reference.uid, reference.controller, reference.blockOwnerDeletion]);
    if (!seen.has(id)) return seen.add(id);
    repeated.add(reference.uid);
    return false;
  });
  if (!repeated.size) return;
  object.metadata.ownerReferences = kept;
  const when = afterAdmission ? ' after mutating admission happens' : '';
  warnings.push(`.metadata.ownerReferences contains duplicate entries${when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${[...repeated].join(', ')}`);
}
