import type { Pod, Service } from '@pilothouse/api-schemas/types/core/v1';
import { podCondition } from '@pilothouse/controller-runtime';

/** Since when the endpoints of services have been out of date, for the annotation that measures programming latency. */
export interface TriggerTimes {
  /** The earliest time of what changed since the last call for the service; undefined where nothing did. */
  next(service: Service, pods: readonly Pod[]): string | undefined;
  forget(key: string): void;
}

export function createTriggerTimes(): TriggerTimes {
  const seen = new Map<string, { service: string; pods: Map<string, string> }>();
  return {
    next(service, pods) {
      const key = `${service.metadata.namespace}/${service.metadata.name}`;
      const last = seen.get(key);
      const current = { service: service.metadata.creationTimestamp ?? '', pods: new Map<string, string>() };
      let earliest: string | undefined;
      const consider = (time: string, before: string) => {
        if (time > before && (earliest === undefined || time < earliest)) earliest = time;
      };
      for (const pod of pods) {
        const time = podCondition(pod, 'Ready')?.lastTransitionTime ?? '';
        current.pods.set(pod.metadata.name!, time);
        consider(time, last?.pods.get(pod.metadata.name!) ?? '');
      }
      consider(current.service, last?.service ?? '');
      seen.set(key, current);
      return earliest;
    },
    forget: (key) => void seen.delete(key),
  };
}
