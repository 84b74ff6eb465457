import type { PersistentVolumeClaim } from '@pilothouse/api-schemas/types/core/v1';
import { roundAmounts } from './pod-spec.ts';

export function defaultClaim(claim: PersistentVolumeClaim): void {
  const spec = (claim.spec ??= {});
  spec.volumeMode ??= 'Filesystem';
  roundAmounts(spec.resources?.requests);
  roundAmounts(spec.resources?.limits);
  const status = (claim.status ??= {});
  status.phase ||= 'Pending';
  roundAmounts(status.capacity);
  roundAmounts(status.allocatedResources);
}
