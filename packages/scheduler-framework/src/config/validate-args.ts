import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from '@pilothouse/apimachinery/field-error';
import { validateLabelName } from '@pilothouse/apimachinery/validation/object-meta';
import type { Features } from '../features.ts';
import { nodeSelectorError, preferredTerms } from '../pod/node-affinity.ts';
import { formatGoDuration, parseGoDuration } from './go-duration.ts';
import type { ShapePoint } from '../plugins/node-resources/scoring.ts';

type Validator = (path: string, args: any, features: Features) => FieldError[];

const inRange = (field: string, value: number, low: number, high: number): FieldError[] => (value < low || value > high ? [invalid(field, value, `not in valid range [${low}, ${high}]`)] : []);

function functionShape(path: string, shape: readonly ShapePoint[] | undefined): FieldError[] {
  if (!shape?.length) return [required(path, 'at least one point must be specified')];
  const errors: FieldError[] = [];
  const unsorted = shape.findIndex((p, i) => i > 0 && shape[i - 1].utilization >= p.utilization);
  if (unsorted > 0) errors.push(invalid(`${path}[${unsorted}].utilization`, shape[unsorted].utilization, 'values must be sorted in increasing order'));
  shape.forEach((point, i) => {
    errors.push(...inRange(`${path}[${i}].utilization`, point.utilization, 0, 100), ...inRange(`${path}[${i}].score`, point.score, 0, 10));
  });
  return errors;
}

const fit: Validator = (path, args) => {
  const errors: FieldError[] = [];
  (args.ignoredResources ?? []).forEach((name: string, i: number) => errors.push(...validateLabelName(name, `${path}.ignoredResources[${i}]`)));
  (args.ignoredResourceGroups ?? []).forEach((group: string, i: number) => {
    const field = `${path}.ignoredResourceGroups[${i}]`;
    if (group.includes('/')) errors.push(invalid(field, group, "resource group name can't contain '/'"));
    errors.push(...validateLabelName(group, field));
  });
  const strategy = args.scoringStrategy;
  const types = ['LeastAllocated', 'MostAllocated', 'RequestedToCapacityRatio'];
  if (!types.includes(strategy.type)) errors.push(notSupported(`${path}.scoringStrategy.type`, strategy.type, types));
  strategy.resources.forEach((r: { name: string; weight: number }, i: number) => {
    if (r.weight <= 0 || r.weight > 100) errors.push(invalid(`${path}.scoringStrategy.resources[${i}].weight`, r.weight, `resource weight of ${r.name} not in valid range (0, 100]`));
  });
  const ratio = `${path}.scoringStrategy.requestedToCapacityRatio`;
  if (strategy.type === 'RequestedToCapacityRatio') {
    if (!strategy.requestedToCapacityRatio) errors.push(required(ratio, 'must be specified when type is RequestedToCapacityRatio'));
    else errors.push(...functionShape(`${ratio}.shape`, strategy.requestedToCapacityRatio.shape));
  } else if (strategy.requestedToCapacityRatio) errors.push(forbidden(ratio, 'must be nil when type is not RequestedToCapacityRatio'));
  return errors;
};

const spread: Validator = (path, args) => {
  const errors: FieldError[] = [];
  const constraints: any[] = args.defaultConstraints ?? [];
  if (args.defaultingType !== 'System' && args.defaultingType !== 'List') errors.push(notSupported(`${path}.defaultingType`, args.defaultingType, ['System', 'List']));
  else if (args.defaultingType === 'System' && constraints.length) errors.push(invalid(`${path}.defaultingType`, args.defaultingType, 'when .defaultConstraints are not empty'));
  constraints.forEach((c, i) => {
    const field = `${path}.defaultConstraints[${i}]`;
    if (!(c.maxSkew > 0)) errors.push(invalid(`${field}.maxSkew`, c.maxSkew ?? 0, 'not in valid range (0, inf)'));
    if (!c.topologyKey) errors.push(required(`${field}.topologyKey`, 'can not be empty'));
    else errors.push(...validateLabelName(c.topologyKey, `${field}.topologyKey`));
    if (!c.whenUnsatisfiable) errors.push(required(`${field}.whenUnsatisfiable`, 'can not be empty'));
    else if (!['DoNotSchedule', 'ScheduleAnyway'].includes(c.whenUnsatisfiable)) errors.push(notSupported(`${field}.whenUnsatisfiable`, c.whenUnsatisfiable, ['DoNotSchedule', 'ScheduleAnyway']));
    if (c.labelSelector) errors.push(forbidden(`${field}.labelSelector`, 'constraint must not define a selector, as they deduced for each pod'));
    if (constraints.slice(0, i).some((o) => o.topologyKey === c.topologyKey && o.whenUnsatisfiable === c.whenUnsatisfiable)) errors.push(duplicate(field, `{${c.topologyKey}, ${c.whenUnsatisfiable}}`));
  });
  return errors;
};

const affinity: Validator = (path, args) => {
  const added = args.addedAffinity;
  if (!added) return [];
  const errors: FieldError[] = [];
  const required = added.requiredDuringSchedulingIgnoredDuringExecution;
  const wrong = required && nodeSelectorError(required);
  if (wrong) errors.push(invalid(`${path}.addedAffinity.requiredDuringSchedulingIgnoredDuringExecution`, required, wrong));
  const preferred = added.preferredDuringSchedulingIgnoredDuringExecution;
  if (preferred?.length) {
    try {
      preferredTerms(preferred);
    } catch (error) {
      errors.push(invalid(`${path}.addedAffinity.preferredDuringSchedulingIgnoredDuringExecution`, preferred, (error as Error).message));
    }
  }
  return errors;
};

/** By plugin; arguments are defaulted. Upstream registers NodeResourcesFit's under its args' name, so that the plugin itself reports them. */
export const argValidators: Readonly<Record<string, Validator>> = {
  DefaultPreemption: (path, args) => {
    const [percent, absolute] = [args.minCandidateNodesPercentage, args.minCandidateNodesAbsolute];
    const errors = inRange(`${path}.minCandidateNodesPercentage`, percent, 0, 100);
    if (absolute < 0) errors.push(invalid(`${path}.minCandidateNodesAbsolute`, absolute, 'not in valid range [0, inf)'));
    if (percent === 0 && absolute === 0) {
      errors.push(invalid(`${path}.minCandidateNodesPercentage`, percent, 'cannot be zero at the same time as minCandidateNodesAbsolute'), invalid(`${path}.minCandidateNodesAbsolute`, absolute, 'cannot be zero at the same time as minCandidateNodesPercentage'));
    }
    return errors;
  },
  InterPodAffinity: (path, args) => inRange(`${path}.hardPodAffinityWeight`, args.hardPodAffinityWeight, 0, 100),
  NodeAffinity: affinity,
  NodeResourcesBalancedAllocation: (path, args) => {
    const errors: FieldError[] = [];
    const seen = new Set<string>();
    args.resources.forEach((r: { name: string; weight: number }, i: number) => {
      if (seen.has(r.name)) errors.push(duplicate(`${path}.resources[${i}].name`, r.name));
      seen.add(r.name);
      if (r.weight !== 1) errors.push(invalid(`${path}.resources[${i}].weight`, r.weight, 'must be 1'));
    });
    return errors;
  },
  DynamicResources: (path, args) => {
    const errors: FieldError[] = [];
    const wrong = (field: string, least: number, why: string) => {
      if (args[field] !== undefined && parseGoDuration(args[field]) < least) errors.push(invalid(`${path}.${field}`, formatGoDuration(parseGoDuration(args[field])), why));
    };
    wrong('filterTimeout', 0, 'must be zero or positive');
    wrong('bindingTimeout', 1000, 'must be at least 1 second');
    return errors;
  },
  NodeResourcesFit: fit,
  PodTopologySpread: spread,
  VolumeBinding: (path, args, features) => {
    const errors: FieldError[] = [];
    if (args.bindTimeoutSeconds < 0) errors.push(invalid(`${path}.bindTimeoutSeconds`, args.bindTimeoutSeconds, 'invalid BindTimeoutSeconds, should not be a negative value'));
    if (features.StorageCapacityScoring) errors.push(...functionShape(`${path}.shape`, args.shape));
    else if (args.shape) errors.push(invalid(`${path}.shape`, args.shape, 'unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring'));
    return errors;
  },
};
