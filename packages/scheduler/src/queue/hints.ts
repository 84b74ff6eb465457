/** Which plugins want to know of which events. */
import { Action, type ClusterEvent, covers, type EventRegistration, type HintAnswer, isWildcard, type Plugin, type Profile } from '@pilothouse/scheduler-framework';
import type { QueuedPodInfo } from './queued-pod.ts';

/** `skip`: the event does not help; `backoff`: try again after the back-off; `now`: at once. */
export type Strategy = 'skip' | 'backoff' | 'now';

interface Registered {
  readonly plugin: string;
  readonly registration: EventRegistration;
}

export class Hints {
  readonly #profiles: ReadonlyMap<string, readonly Registered[]>;
  /** By profile and event. */
  readonly #matching = new Map<string, readonly Registered[]>();
  readonly #wanted = new Map<string, boolean>();

  constructor(profiles: ReadonlyMap<string, Profile>) {
    this.#profiles = new Map([...profiles].map(([name, profile]) => [name, profile.plugins.flatMap((p) => (p.events ?? (canReject(p) ? everyEvent : [])).map((registration) => ({ plugin: p.name, registration })))]));
  }

  /** Whether any plugin of any profile registered for the event. */
  wants(event: ClusterEvent): boolean {
    let wanted = this.#wanted.get(event.label);
    if (wanted === undefined) this.#wanted.set(event.label, (wanted = isWildcard(event) || [...this.#profiles.keys()].some((name) => this.#matches(name, event).length > 0)));
    return wanted;
  }

  /** Whether any of the plugins registered for the event; any event concerns pods that no plugin rejected. */
  concerns(profile: string, plugins: ReadonlySet<string>, event: ClusterEvent): boolean {
    return !plugins.size || isWildcard(event) || this.#matches(profile, event).some((r) => plugins.has(r.plugin));
  }

  /** Whether the plugin that gates a pod registered for the event. */
  gateListens(profile: string, plugin: string, event: ClusterEvent): boolean {
    return this.#matches(profile, event).some((r) => r.plugin === plugin);
  }

  /** What the plugins that rejected the pod think of the event. */
  ask(pod: QueuedPodInfo, event: ClusterEvent, old: unknown, now: unknown): Strategy {
    if (pod.failed) return 'backoff';
    if (isWildcard(event)) return 'backoff';
    let strategy: Strategy = 'skip';
    for (const { plugin, registration } of this.#matches(pod.info.spec.schedulerName ?? '', event)) {
      const pending = pod.pendingPlugins.has(plugin);
      if (!pending && !pod.unschedulablePlugins.has(plugin)) continue;
      if (!hinted(registration, pod, old, now)) continue;
      if (pending) return 'now';
      if (!pod.pendingPlugins.size) return 'backoff';
      strategy = 'backoff';
    }
    return strategy;
  }

  /** What the plugins that rejected the pod said of an event, in the order asked, up to the one that decided. For those who want to know why a pod moved. */
  explain(pod: QueuedPodInfo, event: ClusterEvent, old: unknown, now: unknown): HintAnswer[] {
    const answers: HintAnswer[] = [];
    if (pod.failed || isWildcard(event)) return answers;
    for (const { plugin, registration } of this.#matches(pod.info.spec.schedulerName ?? '', event)) {
      const pending = pod.pendingPlugins.has(plugin);
      if (!pending && !pod.unschedulablePlugins.has(plugin)) continue;
      const helps = hinted(registration, pod, old, now);
      answers.push({ plugin, answer: registration.hint ? (helps ? 'Queue' : 'QueueSkip') : 'NotAsked' });
      if (helps && (pending || !pod.pendingPlugins.size)) break;
    }
    return answers;
  }

  #matches(profile: string, event: ClusterEvent): readonly Registered[] {
    const key = `${profile}\n${event.label}`;
    let found = this.#matching.get(key);
    if (!found) this.#matching.set(key, (found = (this.#profiles.get(profile) ?? []).filter((r) => covers(r.registration, event))));
    return found;
  }
}

/** A plugin that rejects pods and says nothing of events may be helped by any. */
const everyEvent: readonly EventRegistration[] = [{ resource: '*', action: Action.All }];
const canReject = (plugin: Plugin): boolean => Boolean(plugin.preEnqueue ?? plugin.preFilter ?? plugin.filter ?? plugin.reserve ?? plugin.permit);

/** A hint that fails counts as "may help". */
function hinted(registration: EventRegistration, pod: QueuedPodInfo, old: unknown, now: unknown): boolean {
  if (!registration.hint) return true;
  try {
    return registration.hint(pod.info, old, now);
  } catch {
    return true;
  }
}
