import { daemonSets as type, type FieldError, invalid, nameIsDnsSubdomain, notSupported, required, validateLabelSelector } from '@pilothouse/apimachinery';
import type { DaemonSet as Published } from '@pilothouse/api-schemas/types/apps/v1';
import type { Strategy } from '../../contract.ts';
import { defaultPodTemplate } from '../defaults/pod-spec.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { same } from '../validation/equality.ts';
import { internalForm } from '../validation/internal-form.ts';
import { intOrPercent, nonnegative, notDecremented, notMoreThan100Percent, validateIntOrPercent } from '../validation/numbers.ts';
import { immutable, validateObjectMetaUpdate, withMetaTwice } from '../validation/object-meta.ts';
import { validateRunningTemplate } from '../validation/pod-template.ts';
import { isEmptySelector } from '../validation/selectors.ts';
import { templateMatches, templateWarnings } from './workload.ts';

type DaemonSet = Filled<Published>;
/** Counts the changes of the template; a field once, an annotation since apps/v1. */
const generationAnnotation = 'deprecated.daemonset.template.generation';

function validateSpec(errors: FieldError[], { spec }: DaemonSet, old: DaemonSet | undefined): void {
  errors.push(...validateLabelSelector(spec.selector, 'spec.selector'));
  const matches = spec.selector ? templateMatches(spec.selector, spec.template) !== false : false;
  if (spec.selector && isEmptySelector(spec.selector)) errors.push(invalid('spec.selector', internalForm('meta/v1.LabelSelector', spec.selector), 'empty selector is invalid for daemonset'));
  validateRunningTemplate(errors, spec.template, 'spec.template', { matches, owner: 'DaemonSet', old: old?.spec.template });
  nonnegative(errors, spec, 'spec', 'minReadySeconds');
  validateUpdateStrategy(errors, spec.updateStrategy);
  nonnegative(errors, spec, 'spec', 'revisionHistoryLimit');
}

function validateUpdateStrategy(errors: FieldError[], update: DaemonSet['spec']['updateStrategy']): void {
  const path = 'spec.updateStrategy';
  if (update?.type === 'OnDelete') return;
  if (update?.type !== 'RollingUpdate') {
    errors.push(notSupported(path, internalForm('apps/v1.DaemonSetUpdateStrategy', update), ['RollingUpdate', 'OnDelete']));
    return;
  }
  const rolling = update.rollingUpdate;
  if (!rolling) {
    errors.push(required(`${path}.rollingUpdate`));
    return;
  }
  const { maxUnavailable, maxSurge } = rolling;
  validateIntOrPercent(errors, maxUnavailable, `${path}.rollingUpdate.maxUnavailable`);
  validateIntOrPercent(errors, maxSurge, `${path}.rollingUpdate.maxSurge`);
  notMoreThan100Percent(errors, maxUnavailable, `${path}.rollingUpdate.maxUnavailable`);
  notMoreThan100Percent(errors, maxSurge, `${path}.rollingUpdate.maxSurge`);
  const [unavailable, surge] = [intOrPercent(maxUnavailable) !== 0, intOrPercent(maxSurge) !== 0];
  if (unavailable && surge) errors.push(invalid(`${path}.rollingUpdate.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'));
  if (!unavailable && !surge) errors.push(required(`${path}.rollingUpdate.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
}

const templateGeneration = (object: DaemonSet): number => Number(object.metadata.annotations?.[generationAnnotation] ?? 0) || 0;
const setTemplateGeneration = (object: DaemonSet, value: number): void => {
  object.metadata.annotations = { ...object.metadata.annotations, [generationAnnotation]: String(value) };
};

const strategy: Strategy<DaemonSet> = {
  generation: true,
  defaults(object) {
    const { spec } = object;
    // Part of every object of v1, whoever wrote it: it is owned by writers that never heard of it.
    if (object.metadata.annotations?.[generationAnnotation] === undefined) setTemplateGeneration(object, 0);
    spec.updateStrategy ??= {};
    spec.updateStrategy.type ||= 'RollingUpdate';
    if (spec.updateStrategy.type === 'RollingUpdate') {
      const rolling = (spec.updateStrategy.rollingUpdate ??= {});
      rolling.maxUnavailable ??= 1;
      rolling.maxSurge ??= 0;
    }
    spec.revisionHistoryLimit ??= 10;
    defaultPodTemplate(spec.template);
  },
  prepareForCreate(object) {
    setTemplateGeneration(object, Math.max(1, templateGeneration(object)));
  },
  prepareForUpdate(object, old, context) {
    if (context.subresource === '') setTemplateGeneration(object, templateGeneration(old) + (same(object.spec.template, old.spec.template) ? 0 : 1));
  },
  ...withMetaTwice<DaemonSet>({ name: nameIsDnsSubdomain, namespaced: true }, validateSpec, (errors, { spec }, old) => immutable(errors, spec.selector, old.spec.selector, 'spec.selector', 'meta/v1.LabelSelector')),
  validateStatusUpdate({ metadata, status }, old) {
    const errors: FieldError[] = [];
    validateObjectMetaUpdate(errors, metadata, old.metadata);
    nonnegative(errors, status, 'status', 'currentNumberScheduled', 'numberMisscheduled', 'desiredNumberScheduled', 'numberReady', 'observedGeneration', 'updatedNumberScheduled', 'numberAvailable', 'numberUnavailable', 'collisionCount');
    notDecremented(errors, status.collisionCount, old.status.collisionCount, 'status.collisionCount');
    return errors;
  },
  warnings: (object, old) => (old && same(object.spec.template, old.spec.template) ? [] : templateWarnings(object.spec.template, 'spec.template')),
};

export const daemonSets = defineResource<any>(type, { strategy, podSpec: ({ spec }: DaemonSet) => spec.template?.spec });
