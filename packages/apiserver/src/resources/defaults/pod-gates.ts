/** Fields of pods that Kubernetes serves only behind gates that are off: dropped, unless the stored object has them already. */
import type { Container, PodSpec } from '@pilothouse/api-schemas/types/core/v1';

type Spec = Partial<PodSpec>;

const containersOf = (spec: Spec): Pick<Container, 'lifecycle'>[] => [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...((spec.ephemeralContainers ?? []) as Container[])];
const sourcesOf = (spec: Spec) => spec.volumes?.flatMap((volume) => volume.projected?.sources ?? []) ?? [];

function dropStopSignals(spec: Spec): void {
  for (const container of containersOf(spec)) {
    if (container.lifecycle?.stopSignal === undefined) continue;
    delete container.lifecycle.stopSignal;
    if (!Object.keys(container.lifecycle).length) delete container.lifecycle;
  }
}

export function dropGatedPodFields(spec: Spec | undefined, old: Spec | undefined): void {
  if (!spec) return;
  if (!old?.schedulingGroup) delete spec.schedulingGroup;
  if (!old || !containersOf(old).some((container) => container.lifecycle?.stopSignal !== undefined)) dropStopSignals(spec);
  for (const key of ['clusterTrustBundle', 'podCertificate'] as const) {
    if (old && sourcesOf(old).some((source) => source[key])) continue;
    for (const source of sourcesOf(spec)) delete source[key];
  }
}
