import { sortBytes } from '../cycle/diagnosis.ts';
import { Action, actionNames, covers, type EventResource } from '../events/cluster-event.ts';
import { PodInfo } from '../pod/pod-info.ts';
import type { Profile } from '../profile.ts';
import type { CaseCluster } from './cluster.ts';
import type { HintRecord, RegistrationRecord, SchedulerCase } from './types.ts';

/** Asks every plugin registered for each event of the case whether it may help the pod. */
export function runHints(source: SchedulerCase, cluster: CaseCluster): { hints: HintRecord[]; registered: RegistrationRecord[] } {
  const pods = new Map(source.pods.map((p) => [`${p.metadata.namespace}/${p.metadata.name}`, p]));
  const hints = (source.hints ?? []).map((hint): HintRecord => {
    const pod = new PodInfo(pods.get(hint.pod)!);
    const profile = cluster.profiles.get(pod.spec.schedulerName ?? '')!;
    return { ...hint, expect: askHints(profile, pod, hint) };
  });
  return { hints, registered: source.registered ? registrations([...cluster.profiles.values()][0]) : [] };
}

function askHints(profile: Profile, pod: PodInfo, { resource, action, old, new: now }: HintRecord): Record<string, string> {
  const event = { resource: resource as EventResource, action: action.split('|').reduce((bits, name) => bits | (Action[name as keyof typeof Action] ?? 0), 0) };
  const answers: Record<string, string> = {};
  for (const plugin of profile.plugins) {
    for (const registered of plugin.events ?? []) {
      if (!covers(registered, event)) continue;
      const queue = registered.hint ? registered.hint(pod, old ?? undefined, now ?? undefined) : true;
      if (queue || !answers[plugin.name]) answers[plugin.name] = queue ? 'Queue' : 'QueueSkip';
    }
  }
  return answers;
}

/** By plugin's name, each in its own order. */
export const registrations = (profile: Profile): RegistrationRecord[] =>
  sortBytes(profile.plugins.map((p) => p.name)).map((name) => profile.plugins.find((p) => p.name === name)!).flatMap((plugin) => (plugin.events ?? []).map((e) => ({ plugin: plugin.name, resource: e.resource, actions: actionNames(e.action), hasHint: e.hint !== undefined })));
