import { forbidden, invalid, leases as type, nameIsDnsSubdomain, notSupported } from '@pilothouse/apimachinery';
import type { Lease as Published } from '@pilothouse/api-schemas/types/coordination/v1';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { withMeta } from '../validation/object-meta.ts';

type Lease = Filled<Published>;

/** The gate for coordinated elections is off: their fields stay only where they already were. */
function dropElection({ spec }: Lease, old?: Lease): void {
  if (old?.spec.strategy === undefined) delete spec.strategy;
  if (!old?.spec.preferredHolder) delete spec.preferredHolder;
}

export const leases = defineResource<any>(type, {
  strategy: {
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: false,
    prepareForCreate: (object) => dropElection(object),
    prepareForUpdate: (object, old) => dropElection(object, old),
    ...withMeta<Lease>({ name: nameIsDnsSubdomain, namespaced: true, kubeFinalizers: false }, (errors, { spec }) => {
      if (spec.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0) errors.push(invalid('spec.leaseDurationSeconds', spec.leaseDurationSeconds, 'must be greater than 0'));
      if (spec.leaseTransitions !== undefined && spec.leaseTransitions < 0) errors.push(invalid('spec.leaseTransitions', spec.leaseTransitions, 'must be greater than or equal to 0'));
      const strategy = spec.strategy;
      if (strategy !== undefined && !strategy.includes('/') && strategy !== 'OldestEmulationVersion') errors.push(notSupported('spec.strategy.strategy', strategy, ['OldestEmulationVersion']));
      if (spec.preferredHolder && !strategy) errors.push(forbidden('spec.preferredHolder', 'may only be specified if `strategy` is defined'));
    }),
  },
});
