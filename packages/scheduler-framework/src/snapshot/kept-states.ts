/** What equal pods would compute alike, kept and brought up to date with each pod that came or went since. */
import type { ClusterSnapshot, PodChange } from './cluster-snapshot.ts';

interface Kept<State> {
  state: State;
  structure: number;
  position: number;
}

const mostKept = 128;

export class KeptStates<State> {
  readonly #snapshot: ClusterSnapshot;
  readonly #advance: (state: State, change: PodChange) => void;
  readonly #kept = new Map<string, Kept<State>>();

  /** `advance` counts one pod in or out; it must leave the state as if built after the change. */
  constructor(snapshot: ClusterSnapshot, advance: (state: State, change: PodChange) => void) {
    this.#snapshot = snapshot;
    this.#advance = advance;
  }

  /** The state for `key`, built where it is new, too far behind, or nodes changed. Not to be changed by the caller. */
  get(key: string, build: () => State): State {
    const snapshot = this.#snapshot;
    let kept = this.#kept.get(key);
    if (kept && kept.structure === snapshot.structure && kept.position >= snapshot.historyStart) {
      for (let at = kept.position - snapshot.historyStart; at < snapshot.history.length; at++) this.#advance(kept.state, snapshot.history[at]);
      kept.position = snapshot.historyEnd;
      return kept.state;
    }
    kept = { state: build(), structure: snapshot.structure, position: snapshot.historyEnd };
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    if (this.#kept.size > mostKept) this.#kept.delete(this.#kept.keys().next().value!);
    return kept.state;
  }
}
