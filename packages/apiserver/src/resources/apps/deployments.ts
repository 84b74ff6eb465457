import { deployments as type, type FieldError, forbidden, invalid, nameIsDnsSubdomain, notSupported, required } from '@pilothouse/apimachinery';
import type { Deployment as Published } from '@pilothouse/api-schemas/types/apps/v1';
import type { Strategy } from '../../contract.ts';
import { defaultPodTemplate } from '../defaults/pod-spec.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { same } from '../validation/equality.ts';
import { internalForm } from '../validation/internal-form.ts';
import { intOrPercent, nonnegative, notDecremented, notMoreThan, notMoreThan100Percent, validateIntOrPercent } from '../validation/numbers.ts';
import { immutable, validateObjectMetaUpdate, withMeta } from '../validation/object-meta.ts';
import { validateRunningTemplate } from '../validation/pod-template.ts';
import { runningTemplateWarnings, templateMatches, validateSelector } from './workload.ts';

type Deployment = Filled<Published>;

function validateSpec(errors: FieldError[], { spec }: Deployment, old: Deployment | undefined): void {
  nonnegative(errors, spec, 'spec', 'replicas');
  validateSelector(errors, spec.selector, 'spec.selector', 'deployment');
  const matches = templateMatches(spec.selector, spec.template);
  if (matches === undefined) errors.push(invalid('spec.selector', internalForm('meta/v1.LabelSelector', spec.selector), 'invalid label selector'));
  else validateRunningTemplate(errors, spec.template, 'spec.template', { matches, owner: 'ReplicaSet', old: old?.spec.template });
  validateStrategy(errors, spec.strategy);
  nonnegative(errors, spec, 'spec', 'minReadySeconds', 'revisionHistoryLimit', 'progressDeadlineSeconds');
  if (spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds <= (spec.minReadySeconds ?? 0)) errors.push(invalid('spec.progressDeadlineSeconds', spec.progressDeadlineSeconds, 'must be greater than minReadySeconds'));
}

function validateStrategy(errors: FieldError[], strategy: Deployment['spec']['strategy']): void {
  const path = 'spec.strategy';
  const rolling = strategy?.rollingUpdate;
  if (strategy?.type === 'Recreate') {
    if (rolling) errors.push(forbidden(`${path}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'"));
  } else if (strategy?.type === 'RollingUpdate') {
    if (!rolling) {
      errors.push(required(`${path}.rollingUpdate`, 'this should be defaulted and never be nil'));
      return;
    }
    validateIntOrPercent(errors, rolling.maxUnavailable, `${path}.rollingUpdate.maxUnavailable`);
    validateIntOrPercent(errors, rolling.maxSurge, `${path}.rollingUpdate.maxSurge`);
    if (intOrPercent(rolling.maxUnavailable) === 0 && intOrPercent(rolling.maxSurge) === 0) errors.push(invalid(`${path}.rollingUpdate.maxUnavailable`, rolling.maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
    notMoreThan100Percent(errors, rolling.maxUnavailable, `${path}.rollingUpdate.maxUnavailable`);
  } else errors.push(notSupported(path, internalForm('apps/v1.DeploymentStrategy', strategy), ['Recreate', 'RollingUpdate']));
}

const strategy: Strategy<Deployment> = {
  generation: (object, old) => !same(object.spec, old.spec) || !same(object.metadata.annotations, old.metadata.annotations),
  defaults({ spec }) {
    spec.replicas ??= 1;
    spec.strategy ??= {};
    spec.strategy.type ||= 'RollingUpdate';
    if (spec.strategy.type === 'RollingUpdate') {
      const rolling = (spec.strategy.rollingUpdate ??= {});
      rolling.maxUnavailable ??= '25%';
      rolling.maxSurge ??= '25%';
    }
    spec.revisionHistoryLimit ??= 10;
    spec.progressDeadlineSeconds ??= 600;
    defaultPodTemplate(spec.template);
  },
  prepareForUpdate(object, old, context) {
    if (context.subresource !== 'status') return;
    if (old.metadata.labels) object.metadata.labels = old.metadata.labels;
    else delete object.metadata.labels;
  },
  ...withMeta<Deployment>({ name: nameIsDnsSubdomain, namespaced: true }, (errors, object, old) => {
    validateSpec(errors, object, old);
    if (old) immutable(errors, object.spec.selector, old.spec.selector, 'spec.selector', 'meta/v1.LabelSelector');
  }),
  validateStatusUpdate({ metadata, status }, old) {
    const errors: FieldError[] = [];
    validateObjectMetaUpdate(errors, metadata, old.metadata);
    nonnegative(errors, status, 'status', 'observedGeneration', 'replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas', 'unavailableReplicas', 'terminatingReplicas', 'collisionCount');
    notMoreThan(errors, status, 'status', 'replicas', 'cannot be greater than status.replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas');
    notMoreThan(errors, status, 'status', 'readyReplicas', 'cannot be greater than readyReplicas', 'availableReplicas');
    notDecremented(errors, status.collisionCount, old.status.collisionCount, 'status.collisionCount');
    return errors;
  },
  warnings: runningTemplateWarnings,
};

export const deployments = defineResource<any>(type, { strategy, podSpec: ({ spec }: Deployment) => spec.template?.spec });
