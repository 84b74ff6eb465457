import { duplicate, required, runtimeClasses as type } from '@pilothouse/apimachinery';
import type { RuntimeClass } from '@pilothouse/api-schemas/types/node/v1';
import type { Strategy } from '../../contract.ts';
import { roundAmounts } from '../defaults/pod-spec.ts';
import { defineResource } from '../define.ts';
import { same } from '../validation/equality.ts';
import { checkName, isDns1123Label } from '../validation/names.ts';
import { dnsSubdomainName, immutable, validateLabels, withMeta } from '../validation/object-meta.ts';
import { nodeLabelDeprecation } from '../validation/pod-warnings.ts';
import { validateRequirements } from '../validation/resources.ts';
import { validateTolerations } from '../validation/scheduling.ts';

const strategy: Strategy<RuntimeClass> = {
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  defaults: (object) => roundAmounts(object.overhead?.podFixed),
  ...withMeta<RuntimeClass>({ name: dnsSubdomainName, namespaced: false }, (errors, object, old) => {
    if (old) {
      immutable(errors, object.handler, old.handler, 'handler');
      return;
    }
    if (!object.handler) errors.push(required('handler'));
    else checkName(errors, 'handler', object.handler, isDns1123Label);
    if (object.overhead) validateRequirements(errors, { limits: object.overhead.podFixed }, 'overhead');
    if (!object.scheduling) return;
    validateLabels(errors, object.scheduling.nodeSelector, 'scheduling.nodeSelector');
    const tolerations = object.scheduling.tolerations ?? [];
    validateTolerations(errors, tolerations, 'scheduling.tolerations');
    tolerations.forEach((toleration, i) => {
      const key = { ...toleration, tolerationSeconds: undefined };
      if (tolerations.findIndex((other) => same({ ...other, tolerationSeconds: undefined }, key)) < i) {
        const { key: name, operator, value, effect, tolerationSeconds } = toleration;
        errors.push(duplicate(`scheduling.tolerations[${i}]`, { Key: name ?? '', Operator: operator ?? '', Value: value ?? '', Effect: effect ?? '', TolerationSeconds: tolerationSeconds ?? null }));
      }
    });
  }),
  warnings: (object) => Object.keys(object.scheduling?.nodeSelector ?? {}).flatMap((key) => (nodeLabelDeprecation(key) ? [`scheduling.nodeSelector: ${nodeLabelDeprecation(key)}`] : [])),
};

export const runtimeClasses = defineResource<any>(type, { strategy });
