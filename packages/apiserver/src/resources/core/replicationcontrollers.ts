import { type FieldError, matcherOfSet, nameIsDnsSubdomain, replicationControllers as type, required } from '@pilothouse/apimachinery';
import type { ReplicationController as Published } from '@pilothouse/api-schemas/types/core/v1';
import type { Strategy } from '../../contract.ts';
import { validateReplicaStatusUpdate } from '../apps/replica-status.ts';
import { runningTemplateWarnings } from '../apps/workload.ts';
import { defaultPodTemplate } from '../defaults/pod-spec.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { nonnegative } from '../validation/numbers.ts';
import { withMetaTwice } from '../validation/object-meta.ts';
import { validateRunningTemplate } from '../validation/pod-template.ts';

type ReplicationController = Filled<Published>;

function validateSpec(errors: FieldError[], { spec }: ReplicationController, old: ReplicationController | undefined): void {
  nonnegative(errors, spec, 'spec', 'minReadySeconds');
  const selects = Object.keys(spec.selector ?? {}).length > 0;
  if (!selects) errors.push(required('spec.selector'));
  if (spec.replicas === undefined) errors.push(required('spec.replicas'));
  nonnegative(errors, spec, 'spec', 'replicas');
  validateRunningTemplate(errors, spec.template, 'spec.template', { matches: !selects || !spec.template || matcherOfSet(spec.selector).matches(spec.template.metadata?.labels), owner: 'ReplicationController', old: old?.spec.template });
}

const strategy: Strategy<ReplicationController> = {
  generation: true,
  defaults({ metadata, spec }) {
    const labels = spec.template?.metadata?.labels;
    if (labels) {
      if (!Object.keys(spec.selector ?? {}).length) spec.selector = { ...labels };
      if (!Object.keys(metadata.labels ?? {}).length) metadata.labels = { ...labels };
    }
    spec.replicas ??= 1;
    defaultPodTemplate(spec.template);
  },
  ...withMetaTwice<ReplicationController>({ name: nameIsDnsSubdomain, namespaced: true }, validateSpec),
  validateStatusUpdate: validateReplicaStatusUpdate,
  warnings: runningTemplateWarnings,
};

export const replicationControllers = defineResource<any>(type, { strategy, podSpec: ({ spec }: ReplicationController) => spec.template?.spec, storagePrefix: 'controllers', selectableFields: { 'status.replicas': (rc: ReplicationController) => String(rc.status.replicas ?? 0) } });
