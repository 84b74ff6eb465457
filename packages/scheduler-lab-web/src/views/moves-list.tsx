import type { QueueMove } from '@pilothouse/scheduler-lab/api/types';

const hintTexts = { Queue: 'may help', QueueSkip: 'cannot help', NotAsked: 'not asked' };

/** How the pod moved through the queue, and which event moved it. */
export function MovesList({ moves, omitted }: { moves: readonly QueueMove[]; omitted?: number }) {
  if (!moves.length) return null;
  return (
    <details class="moves">
      <summary>Moves through the queue <span class="count">{moves.length + (omitted ?? 0)}</span></summary>
      <ol>
        {omitted ? <li class="quiet">{omitted} earlier ones</li> : null}
        {moves.map((move, index) => (
          <li key={index}>
            <time>{new Date(move.time).toLocaleTimeString()}</time>{' '}
            {move.from ? `${move.from} → ` : ''}<b>{move.to}</b>{' '}
            <span class="quiet">
              {move.event}{move.object ? ` (${move.object.kind} ${move.object.name})` : ''}
              {move.hints?.map((hint) => `; ${hint.plugin}: ${hintTexts[hint.answer]}`)}
            </span>
          </li>
        ))}
      </ol>
    </details>
  );
}
