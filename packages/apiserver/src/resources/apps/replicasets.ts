import { type FieldError, invalid, nameIsDnsSubdomain, replicaSets as type } from '@pilothouse/apimachinery';
import type { ReplicaSet as Published } from '@pilothouse/api-schemas/types/apps/v1';
import type { Strategy } from '../../contract.ts';
import { defaultPodTemplate } from '../defaults/pod-spec.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { internalForm } from '../validation/internal-form.ts';
import { nonnegative } from '../validation/numbers.ts';
import { immutable, withMetaTwice } from '../validation/object-meta.ts';
import { validateRunningTemplate } from '../validation/pod-template.ts';
import { validateReplicaStatusUpdate } from './replica-status.ts';
import { runningTemplateWarnings, templateMatches, validateSelector } from './workload.ts';

type ReplicaSet = Filled<Published>;

function validateSpec(errors: FieldError[], { spec }: ReplicaSet, old: ReplicaSet | undefined): void {
  nonnegative(errors, spec, 'spec', 'replicas', 'minReadySeconds');
  validateSelector(errors, spec.selector, 'spec.selector', 'deployment');
  const matches = templateMatches(spec.selector, spec.template);
  if (matches === undefined) errors.push(invalid('spec.selector', internalForm('meta/v1.LabelSelector', spec.selector), 'invalid label selector'));
  else validateRunningTemplate(errors, spec.template, 'spec.template', { matches, owner: 'ReplicaSet', old: old?.spec.template });
}

const strategy: Strategy<ReplicaSet> = {
  generation: true,
  defaults({ spec }) {
    spec.replicas ??= 1;
    defaultPodTemplate(spec.template);
  },
  ...withMetaTwice<ReplicaSet>({ name: nameIsDnsSubdomain, namespaced: true }, validateSpec, (errors, { spec }, old) => immutable(errors, spec.selector, old.spec.selector, 'spec.selector', 'meta/v1.LabelSelector')),
  validateStatusUpdate: validateReplicaStatusUpdate,
  warnings: runningTemplateWarnings,
};

export const replicaSets = defineResource<any>(type, { strategy, podSpec: ({ spec }: ReplicaSet) => spec.template?.spec });
