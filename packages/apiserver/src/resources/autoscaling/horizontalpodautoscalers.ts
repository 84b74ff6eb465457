import { autoscalingHorizontalPodAutoscalers as v1Type, type FieldError, horizontalPodAutoscalers as v2Type, nameIsDnsSubdomain } from '@pilothouse/apimachinery';
import type { HorizontalPodAutoscaler as PublishedV1 } from '@pilothouse/api-schemas/types/autoscaling/v1';
import type { HorizontalPodAutoscaler as PublishedV2, HPAScalingRules } from '@pilothouse/api-schemas/types/autoscaling/v2';
import type { Strategy, WriteContext } from '../../contract.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { nonnegative } from '../validation/numbers.ts';
import { validateObjectMetaUpdate, withMeta } from '../validation/object-meta.ts';
import { dropHpaAnnotations, hpaToV1, hpaToV2 } from './hpa-v1.ts';
import { validateHpaSpec, type Hpa } from './hpa-rules.ts';

const scaleUp: HPAScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
};
const scaleDown: HPAScalingRules = { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] };
const merged = (standard: HPAScalingRules, own: HPAScalingRules | undefined): HPAScalingRules => structuredClone({ ...standard, ...own });

function defaultV2({ metadata, spec }: Hpa): void {
  dropHpaAnnotations(metadata);
  spec.minReplicas ??= 1;
  if (!spec.metrics?.length) spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }];
  if (!spec.behavior) return;
  spec.behavior = { scaleUp: merged(scaleUp, spec.behavior.scaleUp), scaleDown: merged(scaleDown, spec.behavior.scaleDown) };
}

const rules = withMeta<Hpa>({ name: nameIsDnsSubdomain, namespaced: true }, validateHpaSpec);

const strategy: Strategy<Hpa> = {
  defaults: defaultV2,
  ...rules,
  validateStatusUpdate({ metadata, status }, old) {
    const errors: FieldError[] = [];
    validateObjectMetaUpdate(errors, metadata, old.metadata);
    nonnegative(errors, status, 'status', 'currentReplicas', 'desiredReplicas');
    return errors;
  },
};

const upgraded = (object: PublishedV1): Hpa => {
  const v2 = hpaToV2(object) as Hpa;
  defaultV2(v2);
  return v2;
};

/** v1 is judged as what it is stored as: findings name the fields of v2. */
const v1Strategy: Strategy<Filled<PublishedV1>> = {
  defaults(object) {
    object.spec.minReplicas ??= 1;
    // What v1 cannot say gets v2's defaults, and comes back as v1 shows it.
    const shown = hpaToV1(upgraded(object));
    object.spec = shown.spec!;
    object.metadata.annotations = shown.metadata?.annotations;
    if (!object.metadata.annotations) delete object.metadata.annotations;
  },
  validate: (object: PublishedV1) => rules.validate(upgraded(object)),
  validateUpdate: (object: PublishedV1, old: PublishedV1) => rules.validateUpdate(upgraded(object), upgraded(old)),
  validateStatusUpdate: (object: PublishedV1, old: PublishedV1, context: WriteContext) => strategy.validateStatusUpdate!(upgraded(object), upgraded(old), context),
};

export const horizontalPodAutoscalers = defineResource<any>(v2Type, { strategy });
export const autoscalingHorizontalPodAutoscalers = defineResource<any>(v1Type, {
  strategy: v1Strategy,
  conversion: { storage: v2Type, toStorage: (object) => hpaToV2(object) as PublishedV2 & { metadata: object }, fromStorage: (object) => hpaToV1(object as PublishedV2) },
});
