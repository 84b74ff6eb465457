import { parseTime } from '@pilothouse/base/clock';
import type { Breakpoint } from '../../holding/holding.ts';
import type { Lab } from '../../lab.ts';
import { age, type ResourceView } from '../resource-view.ts';

export function breakpointView({ holding }: Lab): ResourceView<Breakpoint> {
  const render = ({ object, hits, idle, version }: Breakpoint) => ({ ...object, metadata: { ...object.metadata, resourceVersion: String(version) }, status: { hits, ...(idle && { idle }) } });
  return {
    plural: 'schedulingbreakpoints',
    kind: 'SchedulingBreakpoint',
    happenings: holding.breakpointHappenings,
    all: () => holding.breakpoints.values(),
    key: ({ object }) => `${object.metadata.namespace}/${object.metadata.name}`,
    namespace: ({ object }) => object.metadata.namespace!,
    labels: ({ object }) => object.metadata.labels,
    fieldNames: [],
    fields: () => ({}),
    render,
    columns: [
      { name: 'Name', type: 'string', description: 'The name of the breakpoint.' },
      { name: 'At', type: 'string', description: 'Where it holds cycles.' },
      { name: 'Queue', type: 'string', description: 'What the rest of the queue does meanwhile.' },
      { name: 'Hits', type: 'integer', description: 'How often it held a cycle.' },
      { name: 'Age', type: 'date', description: 'When it was made.' },
    ],
    cells({ object: { metadata, spec }, hits, idle }, nowMs) {
      const at = [...(spec.points ?? []), ...(spec.plugins ?? []), ...(spec.nodes ?? [])].join(',');
      return [metadata.name!, `${at || 'begin'}${idle ? ' (idle)' : ''}`, spec.queue ?? 'Flow', hits, age(parseTime(String(metadata.creationTimestamp)), nowMs)];
    },
  };
}
