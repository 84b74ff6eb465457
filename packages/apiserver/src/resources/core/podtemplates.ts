import { nameIsDnsSubdomain, podTemplates as type } from '@pilothouse/apimachinery';
import type { PodTemplate } from '@pilothouse/api-schemas/types/core/v1';
import type { Strategy } from '../../contract.ts';
import { templateWarnings } from '../apps/workload.ts';
import { defaultPodTemplate } from '../defaults/pod-spec.ts';
import { defineResource } from '../define.ts';
import { same } from '../validation/equality.ts';
import { withMeta } from '../validation/object-meta.ts';
import { validatePodTemplate } from '../validation/pod-template.ts';

const strategy: Strategy<PodTemplate> = {
  generation: (object, old) => !same(object.template, old.template),
  defaults: (object) => defaultPodTemplate(object.template),
  ...withMeta<PodTemplate>({ name: nameIsDnsSubdomain, namespaced: true }, (errors, object, old) => validatePodTemplate(errors, object.template!, 'template', old?.template)),
  warnings: (object) => templateWarnings(object.template, 'template'),
};

export const podTemplates = defineResource<any>(type, { strategy, podSpec: ({ template }: PodTemplate) => template?.spec });
