/** Recorded scheduling decisions: one case is a cluster, pods to schedule, and what came of it. */
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { ObjectMeta } from '@pilothouse/api-schemas/types/meta/v1';
import type { KubeSchedulerConfiguration } from '../config/types.ts';
import type { Code } from '../verdict.ts';

export type CaseObject = { kind?: string; apiVersion?: string; metadata: ObjectMeta };

export interface SchedulerCase {
  name: string;
  about?: string;
  mode: 'each' | 'sequence' | 'sequence-preempt' | 'hints';
  featureGates?: Record<string, boolean>;
  config: KubeSchedulerConfiguration | null;
  profiles?: Record<string, CaseProfile>;
  objects: CaseObject[];
  pods: Pod[];
  expect?: AttemptRecord[];
  hints?: HintRecord[] | null;
  registered?: RegistrationRecord[];
}

/** Resulting order of plugins at the extension points that are recorded. */
export interface CaseProfile {
  preFilter: string[];
  filter: string[];
  postFilter: string[];
  preScore: string[];
  score: { name: string; weight: number }[];
}

export interface StatusRecord {
  code: Code;
  /** Sorted. */
  reasons?: string[];
}

export interface AttemptRecord {
  pod: string;
  attempt?: number;
  /** A PreEnqueue plugin's refusal; nothing else was run. */
  gated?: StatusRecord & { plugin: string };
  preFilterSkip?: string[];
  preFilter?: Record<string, StatusRecord & { nodes?: string[] }>;
  filters?: Record<string, { first?: StatusRecord & { plugin?: string }; all?: Record<string, StatusRecord> }>;
  /** Null where only their number is recorded. */
  feasible?: string[] | null;
  feasibleCount?: number;
  scores?: { plugins: { name: string; weight: number }[]; skipped?: string[]; nodes: Record<string, { raw: number[]; norm: number[]; weighted: number[]; total: number }> };
  topScore?: number;
  choice?: string[];
  picked?: string;
  reserve?: StatusRecord;
  message?: string;
  /** Where it differs from `message` by being cut. */
  event?: string;
  error?: string;
  unschedulablePlugins?: string[];
  pendingPlugins?: string[];
  postFilter?: PostFilterRecord;
}

export interface PostFilterRecord {
  code: Code;
  plugin?: string;
  message?: string;
  /** `override`: nominate; `clear`: erase the nomination; absent: leave it alone. */
  mode?: 'override' | 'clear';
  nominated?: string[];
  candidates?: Record<string, { victims: string[]; pdbViolations: number }>;
  rejected?: Record<string, StatusRecord>;
  deleted?: string[];
  clearedNominations?: string[];
}

export interface HintRecord {
  pod: string;
  resource: string;
  action: string;
  old: any;
  new: any;
  /** Per plugin registered for the event: `Queue` or `QueueSkip`. */
  expect: Record<string, string>;
}

export interface RegistrationRecord {
  plugin: string;
  resource: string;
  actions: string[];
  hasHint: boolean;
}
