import { formatMicroTime } from '@pilothouse/base/clock';
import { bestCandidates, earliestStart, type PreemptionCandidate as Candidate, type PreemptionReport } from '@pilothouse/scheduler-framework';
import type { Preemption, PreemptionCandidate, PreemptionRule } from '../api/types.ts';
import { groupVerdicts } from './explanation.ts';

/** Candidates listed one by one. */
const mostCandidates = 50;

/** Says of each candidate which comparison it lost, and which decided. */
export function explainPreemption(report: PreemptionReport, nowMs: number, message: string): Preemption {
  const lostBy = new Map<string, PreemptionRule>();
  let last: PreemptionRule | undefined;
  const best = bestCandidates(report.candidates, nowMs, (c, rule) => {
    last = rule as PreemptionRule;
    lostBy.set(c.node, last);
  });
  const { chosen } = report;
  if (chosen) for (const c of best) if (c.node !== chosen.node) lostBy.set(c.node, 'First');
  const decidedBy: PreemptionRule | undefined = !chosen ? undefined : report.candidates.length === 1 ? 'OnlyCandidate' : best.length > 1 ? 'First' : last;
  const order = [...report.candidates].sort((a, b) => Number(b.node === chosen?.node) - Number(a.node === chosen?.node));
  return {
    ...(chosen && { chosen: chosen.node }),
    ...(decidedBy && { decidedBy }),
    ...(message && { message }),
    candidates: order.slice(0, mostCandidates).map((c) => describe(c, nowMs, lostBy.get(c.node))),
    ...(order.length > mostCandidates && { candidatesOmitted: order.length - mostCandidates }),
    rejected: groupVerdicts([...report.rejected].map(([node, verdict]) => ({ node, plugin: '', verdict }))),
  };
}

const describe = (c: Candidate, nowMs: number, lostBy: PreemptionRule | undefined): PreemptionCandidate => ({
  node: c.node,
  victims: c.victims.map((v) => ({ namespace: v.namespace, name: v.name, priority: v.priority, ...(v.pod.status?.startTime && { startTime: v.pod.status.startTime as string }) })),
  pdbViolations: c.pdbViolations,
  highestPriority: c.victims[0].priority,
  sumOfPriorities: c.victims.reduce((sum, v) => sum + v.priority, 0),
  earliestStart: formatMicroTime(earliestStart(c.victims, nowMs)),
  ...(lostBy && { lostBy }),
});
