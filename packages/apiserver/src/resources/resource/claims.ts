/** Claims to devices and templates of claims. */
import { type FieldError, nameIsDnsSubdomain, resourceClaims as claimType, resourceClaimTemplates as templateType } from '@pilothouse/apimachinery';
import type { ResourceClaim as PublishedClaim, ResourceClaimTemplate as PublishedTemplate } from '@pilothouse/api-schemas/types/resource/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { immutable, keepMetaOnStatus, validateObjectMeta, validateObjectMetaUpdate, wholeAndChange } from '../validation/object-meta.ts';
import { validateTemplateMeta } from '../validation/volumes.ts';
import { dropDeallocatedDevices, validateClaimStatusUpdate } from './claim-status.ts';
import { defaultDeviceClaim, validateDeviceClaim } from './device-claim.ts';
import { claimRights, templateRights } from './rights.ts';

type Claim = Filled<PublishedClaim>;
type Template = Filled<PublishedTemplate>;

const namespaced = { name: nameIsDnsSubdomain, namespaced: true };

const claimStrategy: Strategy<Claim> = {
  defaults: ({ spec }) => defaultDeviceClaim(spec.devices),
  prepareForUpdate(claim, old, { subresource }) {
    if (subresource !== 'status') return;
    keepMetaOnStatus(claim, old);
    dropDeallocatedDevices(claim, old);
  },
  validate({ metadata, spec }) {
    const errors: FieldError[] = [];
    validateObjectMeta(errors, metadata, namespaced);
    validateDeviceClaim(errors, spec.devices, 'spec.devices');
    return errors;
  },
  validateUpdate({ metadata, spec }, old) {
    const errors: FieldError[] = [];
    validateObjectMeta(errors, metadata, namespaced);
    validateObjectMetaUpdate(errors, metadata, old.metadata);
    immutable(errors, spec, old.spec, 'spec', 'resource/v1.ResourceClaimSpec');
    return errors;
  },
  validateStatusUpdate: validateClaimStatusUpdate,
  withRights: claimRights,
};

const templateStrategy: Strategy<Template> = {
  defaults: ({ spec }) => defaultDeviceClaim(spec.spec?.devices),
  ...wholeAndChange<Template>(namespaced, {
    whole(errors, { spec }) {
      validateTemplateMeta(errors, spec.metadata, 'spec.metadata');
      validateDeviceClaim(errors, spec.spec?.devices, 'spec.spec.devices');
    },
    change(errors, { metadata, spec }, old) {
      validateObjectMetaUpdate(errors, metadata, old.metadata);
      immutable(errors, spec, old.spec, 'spec', 'resource/v1.ResourceClaimTemplateSpec');
    },
  }),
  withRights: templateRights,
};

export const resourceClaims = defineResource<any>(claimType, { strategy: claimStrategy });
export const resourceClaimTemplates = defineResource<any>(templateType, { strategy: templateStrategy });
