import { cidrWarnings, duplicate, type FieldError, forbidden, goQuote, invalid, labelValue, nameIsDnsSubdomain, nodes as type, notSupported, parseCidr, qualifiedName, required, validateCidrForLegacyField } from '@pilothouse/apimachinery';
import type { Node as Published, Taint } from '@pilothouse/api-schemas/types/core/v1';
import type { Strategy } from '../../contract.ts';
import { roundAmounts } from '../defaults/pod-spec.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { same } from '../validation/equality.ts';
import { checkName } from '../validation/check-name.ts';
import { internalForm } from '../validation/internal-form.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../validation/object-meta.ts';
import { nodeLabelDeprecation } from '../validation/pod-warnings.ts';
import { validateAmount } from '../validation/resources.ts';
import { taintEffects } from '../validation/scheduling.ts';

type Node = Filled<Published>;

function validateTaints(errors: FieldError[], taints: readonly Taint[] | undefined): void {
  const seen = new Set<string>();
  taints?.forEach((taint, i) => {
    const path = `metadata.taints[${i}]`;
    checkName(errors, `${path}.key`, taint.key, qualifiedName);
    const messages = labelValue(taint.value ?? '');
    if (messages.length) errors.push(invalid(`${path}.value`, taint.value, messages.join(';')));
    if (!taint.effect) errors.push(required(`${path}.effect`));
    else if (!taintEffects.includes(taint.effect)) errors.push(notSupported(`${path}.effect`, taint.effect, taintEffects));
    const key = `${taint.effect}/${taint.key}`;
    if (seen.has(key)) {
      const finding = duplicate(path, internalForm('core/v1.Taint', taint));
      errors.push({ ...finding, message: `${finding.message}: taints must be unique by key and effect pair` });
    }
    seen.add(key);
  });
}

const featureRe = /^[A-Z][A-Za-z0-9]*(\/[A-Za-z0-9]+)*$/;

function validateStatus(errors: FieldError[], { status }: Node): void {
  for (const list of ['capacity', 'allocatable'] as const) for (const [name, amount] of Object.entries(status[list] ?? {})) validateAmount(errors, name, amount, `status.${list}.${name}`);
  const features = status.declaredFeatures ?? [];
  features.forEach((feature, i) => {
    const path = `status.declaredFeatures[${i}]`;
    if (!featureRe.test(feature)) errors.push(invalid(path, feature, `invalid feature name ${goQuote(feature)}`));
    if (i > 0 && features[i - 1] === feature) errors.push(duplicate(path, feature));
    else if (i > 0 && features[i - 1] > feature) errors.push(invalid(path, feature, 'list must be sorted alphabetically'));
  });
}

const podCidrFixed = 'node updates may not change podCIDR except from "" to valid';

/** What holds of every node, new or changed. */
function validateNode(errors: FieldError[], node: Node): void {
  validateObjectMeta(errors, node.metadata, { name: nameIsDnsSubdomain, namespaced: false });
  validateTaints(errors, node.spec.taints);
  validateStatus(errors, node);
  const swap = node.status.nodeInfo?.swap?.capacity;
  if (swap !== undefined && swap <= 0) errors.push(invalid('metadata.nodeSwapStatus.capacity', swap, 'must be greater than zero'));
}

function validateCidrs(errors: FieldError[], { spec }: Node, old: Node | undefined): void {
  const cidrs = spec.podCIDRs ?? [];
  cidrs.forEach((cidr, i) => errors.push(...validateCidrForLegacyField(cidr, `spec.podCIDRs[${i}]`, { old: old?.spec.podCIDRs })));
  if (cidrs.length < 2) return;
  const families = new Set(cidrs.map((cidr) => parseCidr(cidr)?.family));
  if (families.size !== 2 || cidrs.length > 2) errors.push(invalid('spec.podCIDRs', cidrs, 'may specify no more than one CIDR for each IP family'));
  cidrs.forEach((cidr, i) => {
    if (cidrs.indexOf(cidr) < i) errors.push(duplicate(`spec.podCIDRs[${i}]`, cidr));
  });
}

function validateChanges(node: Node, old: Node): FieldError[] {
  const errors: FieldError[] = [];
  validateObjectMetaUpdate(errors, node.metadata, old.metadata);
  validateStatus(errors, node);
  node.status.addresses?.forEach((address, i) => {
    if (node.status.addresses!.findIndex((other) => same(other, address)) < i) errors.push(duplicate(`status.addresses[${i}]`, internalForm('core/v1.NodeAddress', address)));
  });
  const before = old.spec.podCIDRs ?? [];
  const now = node.spec.podCIDRs ?? [];
  if (before.length && before.length !== now.length) errors.push(forbidden('spec.podCIDRs', podCidrFixed));
  else for (const [i, cidr] of before.entries()) if (cidr !== now[i]) errors.push(forbidden('spec.podCIDRs', podCidrFixed));
  if (old.spec.providerID && old.spec.providerID !== node.spec.providerID) errors.push(forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'));
  validateTaints(errors, node.spec.taints);
  if ((node.spec.externalID ?? '') !== (old.spec.externalID ?? '')) errors.push(forbidden('spec.externalID', 'may not be updated'));
  return errors;
}

const strategy: Strategy<Node> = {
  defaults({ spec, status }) {
    // Where the two differ, the single one is right.
    if (spec.podCIDR && spec.podCIDR !== spec.podCIDRs?.[0]) spec.podCIDRs = [spec.podCIDR];
    if (spec.podCIDRs?.length) spec.podCIDR = spec.podCIDRs[0];
    roundAmounts(status.capacity);
    roundAmounts(status.allocatable);
    if (status.capacity && !status.allocatable) status.allocatable = { ...status.capacity };
  },
  /** Configuration of kubelets through the API is gone: its fields are dropped. */
  prepareForCreate({ spec, status }) {
    delete spec.configSource;
    delete status.config;
  },
  prepareForUpdate({ spec, status }, old) {
    if (!old.spec.configSource) delete spec.configSource;
    if (!old.status.config) delete status.config;
  },
  validate(node) {
    const errors: FieldError[] = [];
    validateNode(errors, node);
    validateCidrs(errors, node, undefined);
    return errors;
  },
  validateUpdate(node, old) {
    const errors: FieldError[] = [];
    validateNode(errors, node);
    validateCidrs(errors, node, old);
    return [...errors, ...validateChanges(node, old)];
  },
  validateStatusUpdate: validateChanges,
  warnings({ metadata, spec }) {
    const out: string[] = [];
    if (spec.configSource) out.push('spec.configSource: the feature is no longer supported');
    if (spec.externalID) out.push('spec.externalID: this field is deprecated, and is unused by Kubernetes');
    spec.podCIDRs?.forEach((cidr, i) => out.push(...cidrWarnings(cidr, `spec.podCIDRs[${i}]`)));
    for (const key in metadata.labels) {
      const why = nodeLabelDeprecation(key);
      if (why && key === 'node-role.kubernetes.io/master') out.push(`metadata.labels[${key}]: ${why}`);
    }
    return out;
  },
};

export const nodes = defineResource<any>(type, { strategy, storagePrefix: 'minions', keepsStatusOnCreate: true, selectableFields: { 'spec.unschedulable': (node: Node) => String(node.spec.unschedulable ?? false) } });
