import { dns1123Label, type FieldError, forbidden, invalid, nameIsDnsLabel, notSupported, required, statefulSets as type } from '@pilothouse/apimachinery';
import type { StatefulSet as Published, StatefulSetSpec } from '@pilothouse/api-schemas/types/apps/v1';
import type { PodTemplateSpec } from '@pilothouse/api-schemas/types/core/v1';
import type { Strategy } from '../../contract.ts';
import { defaultClaim } from '../defaults/claims.ts';
import { defaultPodTemplate } from '../defaults/pod-spec.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { validateClaimSpec } from '../validation/claim-spec.ts';
import { same } from '../validation/equality.ts';
import { checkName } from '../validation/check-name.ts';
import { internalForm } from '../validation/internal-form.ts';
import { nonnegative, notDecremented, notMoreThan } from '../validation/numbers.ts';
import { validateObjectMetaUpdate, withMeta } from '../validation/object-meta.ts';
import { validateRunningTemplate } from '../validation/pod-template.ts';
import { claimWarnings } from '../validation/pod-warnings.ts';
import { templateMatches, templateWarnings, validateSelector } from './workload.ts';

type StatefulSet = Filled<Published>;

const retentions = ['Retain', 'Delete'];

function validateSpec(errors: FieldError[], { spec }: StatefulSet, old: StatefulSet | undefined): void {
  const isNew = !old;
  const management = spec.podManagementPolicy;
  if (!management) errors.push(required('spec.podManagementPolicy'));
  else if (management !== 'OrderedReady' && management !== 'Parallel') errors.push(invalid('spec.podManagementPolicy', management, "must be 'OrderedReady' or 'Parallel'"));
  validateUpdateStrategy(errors, spec.updateStrategy);
  for (const key of ['whenDeleted', 'whenScaled'] as const) {
    const policy = spec.persistentVolumeClaimRetentionPolicy?.[key];
    if (spec.persistentVolumeClaimRetentionPolicy && !retentions.includes(policy ?? '')) errors.push(notSupported(`spec.persistentVolumeClaimRetentionPolicy.${key}`, policy ?? '', retentions));
  }
  if (isNew) spec.volumeClaimTemplates?.forEach((claim, i) => validateClaimSpec(errors, claim.spec ?? {}, `spec.volumeClaimTemplates[${i}].spec`));
  nonnegative(errors, spec, 'spec', 'replicas', 'minReadySeconds');
  nonnegative(errors, spec.ordinals, 'spec.ordinals', 'start');
  if (isNew && spec.serviceName) checkName(errors, 'spec.serviceName', spec.serviceName, dns1123Label);
  validateSelector(errors, spec.selector, 'spec.selector', 'statefulset');
  const matches = templateMatches(spec.selector, spec.template);
  if (matches === undefined) errors.push(invalid('spec.selector', internalForm('meta/v1.LabelSelector', spec.selector), ''));
  validateRunningTemplate(errors, templateAsPods(spec), 'spec.template', { matches: matches !== false, owner: 'StatefulSet', old: old?.spec.template });
}

/** The template as its pods will have it: claims in place of the volumes of their names, hostname and subdomain given by the controller. */
function templateAsPods(spec: StatefulSetSpec): PodTemplateSpec {
  const claims = (spec.volumeClaimTemplates ?? []).map(({ metadata }) => ({ name: metadata?.name ?? '', persistentVolumeClaim: { claimName: metadata?.name ?? '' } }));
  const unique = claims.filter((volume, i) => claims.findLastIndex((other) => other.name === volume.name) === i);
  const own = (spec.template.spec?.volumes ?? []).filter((volume) => !claims.some((claim) => claim.name === volume.name));
  const volumes = [...unique, ...own];
  return { ...spec.template, spec: { ...spec.template.spec!, hostname: undefined, subdomain: undefined, ...(volumes.length > 0 && { volumes }) } };
}

function validateUpdateStrategy(errors: FieldError[], update: StatefulSetSpec['updateStrategy']): void {
  const path = 'spec.updateStrategy';
  const rolling = update?.rollingUpdate;
  if (!update?.type) errors.push(required(path));
  else if (update.type === 'OnDelete') {
    if (rolling) errors.push(invalid(`${path}.rollingUpdate`, internalForm('apps/v1.RollingUpdateStatefulSetStrategy', rolling), "only allowed for updateStrategy 'RollingUpdate'"));
  } else if (update.type === 'RollingUpdate') nonnegative(errors, rolling, `${path}.rollingUpdate`, 'partition');
  else errors.push(invalid(path, internalForm('apps/v1.StatefulSetUpdateStrategy', update), "must be 'RollingUpdate' or 'OnDelete'"));
}

const mutable = ['replicas', 'template', 'updateStrategy', 'minReadySeconds', 'ordinals', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy'] as const;
const immutableMessage =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

/** `maxUnavailable` is behind a gate that is off: kept only where it was before. */
function dropMaxUnavailable(object: StatefulSet, old?: StatefulSet): void {
  if (old?.spec.updateStrategy?.rollingUpdate?.maxUnavailable === undefined) delete object.spec.updateStrategy?.rollingUpdate?.maxUnavailable;
}

const strategy: Strategy<StatefulSet> = {
  generation: true,
  defaults({ spec }) {
    spec.podManagementPolicy ||= 'OrderedReady';
    spec.updateStrategy ??= {};
    if (!spec.updateStrategy.type) {
      spec.updateStrategy.type = 'RollingUpdate';
      spec.updateStrategy.rollingUpdate ??= {};
    }
    if (spec.updateStrategy.type === 'RollingUpdate' && spec.updateStrategy.rollingUpdate) spec.updateStrategy.rollingUpdate.partition ??= 0;
    const retention = (spec.persistentVolumeClaimRetentionPolicy ??= {});
    retention.whenDeleted ||= 'Retain';
    retention.whenScaled ||= 'Retain';
    spec.replicas ??= 1;
    spec.revisionHistoryLimit ??= 10;
    for (const claim of spec.volumeClaimTemplates ?? []) {
      defaultClaim(claim);
      claim.apiVersion ||= 'v1';
      claim.kind ||= 'PersistentVolumeClaim';
    }
    defaultPodTemplate(spec.template);
  },
  prepareForCreate: (object) => dropMaxUnavailable(object),
  prepareForUpdate: (object, old) => dropMaxUnavailable(object, old),
  ...withMeta<StatefulSet>({ name: nameIsDnsLabel, namespaced: true }, (errors, object, old) => {
    validateSpec(errors, object, old);
    if (!old) return;
    const rest = { ...object.spec } as Record<string, unknown>;
    for (const key of mutable) rest[key] = old.spec[key];
    if (!same(rest, old.spec)) errors.push(forbidden('spec', immutableMessage));
  }),
  validateStatusUpdate({ metadata, status }, old) {
    const errors: FieldError[] = [];
    nonnegative(errors, status, 'status', 'replicas', 'readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas', 'observedGeneration', 'collisionCount');
    notMoreThan(errors, status, 'status', 'replicas', 'cannot be greater than status.replicas', 'readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas');
    notMoreThan(errors, status, 'status', 'readyReplicas', 'cannot be greater than status.readyReplicas', 'availableReplicas');
    validateObjectMetaUpdate(errors, metadata, old.metadata);
    notDecremented(errors, status.collisionCount, old.status.collisionCount, 'status.collisionCount');
    return errors;
  },
  warnings(object, old) {
    const out = old && same(object.spec, old.spec) ? [] : templateWarnings(object.spec.template, 'spec.template');
    object.spec.volumeClaimTemplates?.forEach((claim, i) => out.push(...claimWarnings(claim.spec?.resources, `spec.volumeClaimTemplates[${i}]${old ? '.Spec' : ''}`)));
    if ((object.spec.revisionHistoryLimit ?? 0) < 0) out.push('spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended');
    return out;
  },
};

export const statefulSets = defineResource<any>(type, { strategy, podSpec: ({ spec }: StatefulSet) => spec.template?.spec });
