import type { Lab } from '../../lab.ts';
import type { Attempt } from '../../traces/attempt.ts';
import { notedExplanation, renderTrace } from '../../traces/render.ts';
import { age, type ResourceView } from '../resource-view.ts';

const longestReason = 90;

export function traceView({ traces, world }: Lab): ResourceView<Attempt> {
  return {
    plural: 'schedulingtraces',
    kind: 'SchedulingTrace',
    happenings: traces.happenings,
    all: () => traces.all(),
    key: (a) => `${a.info.namespace}/${a.name}`,
    compare: (a, b) => (a.info.key === b.info.key ? a.number - b.number : a.info.key < b.info.key ? -1 : 1),
    namespace: (a) => a.info.namespace,
    labels: (a) => renderTrace(a, world).metadata.labels,
    fieldNames: ['pod', 'attempt', 'result', 'node', 'latest'],
    fields: (a) => ({ pod: a.info.name, attempt: String(a.number), result: a.result, node: a.node ?? '', latest: String(traces.latest(a.info.key) === a) }),
    render: (a) => renderTrace(a, world),
    columns: [
      { name: 'Name', type: 'string', description: 'POD-ATTEMPT.' },
      { name: 'Attempt', type: 'integer', description: 'The number of the attempt.' },
      { name: 'Result', type: 'string', description: 'How it ended.' },
      { name: 'Node', type: 'string', description: 'The chosen node.' },
      { name: 'Reason', type: 'string', description: 'Why so, in short.' },
      { name: 'Age', type: 'date', description: 'When it began.' },
      { name: 'Summary', type: 'string', description: 'Why so, in a sentence.', priority: 1 },
    ],
    cells(a, nowMs) {
      const e = notedExplanation(a, world);
      return [a.name, a.number, binding(a), a.node ?? '<none>', short(reason(e)), age(a.startMs, nowMs), e.summary];
    },
  };
}

const binding = (a: Attempt): string => (a.binding && a.binding.phase !== 'Binding' ? a.binding.phase : a.result);

function reason({ result, choice, groups, message, node }: ReturnType<typeof notedExplanation>): string {
  if (result === 'Scheduled' && choice) {
    if (choice.rule === 'OnlyOne') return 'the only node that fits';
    if (choice.rule === 'Nominated') return 'room made by preemption';
    if (choice.rule === 'HighestScore') return `highest score, ${Math.round(choice.score ?? 0)}${choice.runnerUp ? `; next ${choice.runnerUp.node} ${Math.round(choice.runnerUp.score)}` : ''}`;
    return `one of ${choice.tiedCount} with score ${Math.round(choice.score ?? 0)}`;
  }
  if (groups.length) return groups.map((g) => `${g.count} ${g.reasons.join(' and ')}`).join(', ');
  return message ?? (node === undefined ? '' : `on ${node}`);
}

const short = (text: string): string => (text.length > longestReason ? `${text.slice(0, longestReason - 1)}…` : text);
