import type { FieldError } from '@pilothouse/apimachinery';
import type { ReplicaSetStatus } from '@pilothouse/api-schemas/types/apps/v1';
import type { ObjectMeta } from '@pilothouse/api-schemas/types/meta/v1';
import { nonnegative, notMoreThan } from '../validation/numbers.ts';
import { validateObjectMetaUpdate } from '../validation/object-meta.ts';

const counters = ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration', 'terminatingReplicas'] as const;

interface Replicated {
  metadata: ObjectMeta;
  status: Pick<ReplicaSetStatus, (typeof counters)[number]>;
}

/** The status of replica sets and replication controllers: no counter negative, each within the one that includes it. */
export function validateReplicaStatusUpdate({ metadata, status }: Replicated, old: Replicated): FieldError[] {
  const errors: FieldError[] = [];
  validateObjectMetaUpdate(errors, metadata, old.metadata);
  nonnegative(errors, status, 'status', ...counters);
  notMoreThan(errors, status, 'status', 'replicas', 'cannot be greater than status.replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas');
  notMoreThan(errors, status, 'status', 'readyReplicas', 'cannot be greater than readyReplicas', 'availableReplicas');
  return errors;
}
