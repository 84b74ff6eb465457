/** API services: where a version of a group is served, here or by another server. */
import { apiServices as type, dns1035Label, dns1123Subdomain, type FieldError, goQuote, invalid, notSupported, pathSegmentName, portNumber, required } from '@pilothouse/apimachinery';
import type { APIService as Published } from '@pilothouse/api-schemas/types/apiregistration/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { timestamp } from '../time.ts';
import { checkName } from '../validation/check-name.ts';
import { keepMetaOnStatus, validateObjectMeta, validateObjectMetaUpdate } from '../validation/object-meta.ts';

type ApiService = Filled<Published>;

function nameProblems(name: string, { spec }: ApiService): string[] {
  const wrong = pathSegmentName(name);
  const wanted = `${spec.version ?? ''}.${spec.group ?? ''}`;
  return wrong.length || name === wanted ? wrong : [`must be \`spec.version+"."+spec.group\`: ${goQuote(wanted)}`];
}

function validate(errors: FieldError[], object: ApiService): void {
  const { metadata, spec } = object;
  const { group = '', version = '', groupPriorityMinimum, versionPriority, service, caBundle, insecureSkipTLSVerify: insecure = false } = spec;
  validateObjectMeta(errors, metadata, { name: (name) => nameProblems(name, object), namespaced: false, kubeFinalizers: false });
  if (!group && version !== 'v1') errors.push(required('spec.group', 'only v1 may have an empty group and it better be legacy kube'));
  if (group) checkName(errors, 'spec.group', group, dns1123Subdomain);
  checkName(errors, 'spec.version', version, dns1035Label);
  if (groupPriorityMinimum <= 0 || groupPriorityMinimum > 20000) errors.push(invalid('spec.groupPriorityMinimum', groupPriorityMinimum, 'must be positive and less than 20000'));
  if (versionPriority <= 0 || versionPriority > 1000) errors.push(invalid('spec.versionPriority', versionPriority, 'must be positive and less than 1000'));
  if (!service) {
    if (caBundle) errors.push(invalid('spec.caBundle', `${Buffer.from(caBundle, 'base64').length} bytes`, 'local APIServices may not have a caBundle'));
    if (insecure) errors.push(invalid('spec.insecureSkipTLSVerify', insecure, 'local APIServices may not have insecureSkipTLSVerify'));
    return;
  }
  for (const key of ['namespace', 'name'] as const) if (!service[key]) errors.push(required(`spec.service.${key}`));
  const wrongPort = portNumber(service.port ?? 443);
  if (wrongPort.length) errors.push(invalid('spec.service.port', service.port, `port is not valid: ${wrongPort.join(', ')}`));
  if (insecure && caBundle) errors.push(invalid('spec.insecureSkipTLSVerify', insecure, 'may not be true if caBundle is present'));
}

const strategy: Strategy<ApiService> = {
  allowUnconditionalUpdate: false,
  defaults({ spec }) {
    if (spec.service) spec.service.port ??= 443;
  },
  prepareForCreate({ spec, status }, context) {
    if (!spec.service) status.conditions = [{ type: 'Available', status: 'True', lastTransitionTime: timestamp(context), reason: 'Local', message: 'Local APIServices are always available' }];
  },
  prepareForUpdate(object, old, { subresource }) {
    if (subresource === 'status') keepMetaOnStatus(object, old);
  },
  validate(object) {
    const errors: FieldError[] = [];
    validate(errors, object);
    return errors;
  },
  validateUpdate(object, old) {
    const errors: FieldError[] = [];
    validateObjectMetaUpdate(errors, object.metadata, old.metadata, { kubeFinalizers: false });
    validate(errors, object);
    return errors;
  },
  validateStatusUpdate({ metadata, status }, old) {
    const errors: FieldError[] = [];
    const known = ['True', 'False', 'Unknown'];
    validateObjectMetaUpdate(errors, metadata, old.metadata, { kubeFinalizers: false });
    status.conditions?.forEach((condition, i) => {
      if (!known.includes(condition.status)) errors.push(notSupported(`status.conditions[${i}].status`, condition.status, known));
    });
    return errors;
  },
};

export const apiServices = defineResource<any>(type, { storagePrefix: 'apiregistration.k8s.io/apiservices', strategy });
