import type { FieldError } from '@pilothouse/apimachinery';
import type { ReplicaSetStatus } from '@pilothouse/api-schemas/types/apps/v1';
import { nonnegative, notMoreThan } from '../validation/numbers.ts';

const counters = ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration', 'terminatingReplicas'] as const;

/** The counters of replica sets and replication controllers: none negative, each within the one that includes it. */
export function validateReplicaStatus(errors: FieldError[], status: Pick<ReplicaSetStatus, (typeof counters)[number]>): void {
  nonnegative(errors, status, 'status', ...counters);
  notMoreThan(errors, status, 'status', 'replicas', 'cannot be greater than status.replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas');
  notMoreThan(errors, status, 'status', 'readyReplicas', 'cannot be greater than readyReplicas', 'availableReplicas');
}
