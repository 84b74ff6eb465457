import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { PodInfo } from '@pilothouse/scheduler-framework';
import type { Suggestion } from '../../api/types.ts';
import type { CycleRun } from '../../explain/cycle-run.ts';

/** A change that might place the pod: still to be tried. */
export type Proposal = Omit<Suggestion, 'node'>;

/** What proposers look at. */
export interface Plight {
  readonly run: CycleRun;
  readonly pod: Pod;
  readonly info: PodInfo;
  /** Nodes that the plugin rejected first, at most `most`. */
  rejectedBy(plugin: string, most: number): readonly RejectedNode[];
  /** All nodes, at most `most`, those with the most free cpu first. */
  roomiest(most: number): readonly RejectedNode[];
}

export interface RejectedNode {
  readonly name: string;
  readonly index: number;
  readonly node: Node;
  readonly reasons: readonly string[];
}

/** Makes proposals; cheap ones first. Whether they help is found out by trying. */
export interface Proposer {
  readonly name: string;
  propose(plight: Plight): Iterable<Proposal>;
}

/** `-n NS` where it is not the default namespace. */
export const inNamespace = (namespace: string | undefined): string => (namespace && namespace !== 'default' ? ` -n ${namespace}` : '');

/** A word for a shell. */
export const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** The command that patches the pod; only where the pod is there and the API lets it be changed. */
export const patchCommand = (pod: Pod, patch: object): string | undefined => (pod.metadata.uid?.startsWith('what-if-') ? undefined : `kubectl patch pod ${pod.metadata.name}${inNamespace(pod.metadata.namespace)} -p ${quoted(JSON.stringify(patch))}`);
