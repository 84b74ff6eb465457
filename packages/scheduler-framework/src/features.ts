/** Feature gates the scheduler asks, with their defaults in v1.36. What is stable and locked is not listed. */
export const defaultFeatures = {
  StorageCapacityScoring: false,
  VolumeLimitScaling: false,
  TaintTolerationComparisonOperators: false,
  SchedulerPopFromBackoffQ: true,
  NodeDeclaredFeatures: true,
  DynamicResourceAllocation: true,
  DRAExtendedResource: true,
  NominatedNodeNameForExpectation: true,
  SchedulerAsyncPreemption: true,
};

export type Features = typeof defaultFeatures;
export type FeatureName = keyof Features;

/** @throws Error for a gate that is not known here. */
export function featuresWith(overrides: Readonly<Record<string, boolean>> | undefined): Features {
  const features: Features = { ...defaultFeatures };
  for (const [name, value] of Object.entries(overrides ?? {})) {
    if (!(name in features)) throw new Error(`unrecognized feature gate: ${name}`);
    features[name as FeatureName] = value;
  }
  return features;
}
