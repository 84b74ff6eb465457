import { useSignal } from '@preact/signals';
import type { Cell, Column, Matrix, Row } from '../model/attempt.ts';
import { short } from '../state.ts';
import { Mark, verdictName } from './mark.tsx';

const reasonOf = (cell: Cell): string => (cell.state === 'later' ? '' : cell.state === 'none' ? cell.why : cell.reason);

/** Spoken in place of the picture. */
const spoken = (cell: Cell): string => (cell.state === 'later' ? 'not yet' : cell.state === 'none' ? cell.why : cell.state === 'score' ? String(cell.value) : verdictName(cell.code));

/**
 * Nodes × plugins as a grid: one tab stop, arrow keys move through the cells, and the reason of the cell under the
 * pointer or the focus is shown below.
 */
export function MatrixView({ matrix }: { matrix: Matrix }) {
  const reason = useSignal('');
  const focus = useSignal<readonly [number, number]>([0, 0]);
  const { columns, rows } = matrix;
  const firstScore = columns.findIndex((c) => c.kind === 'score');
  const scored = rows.some((r) => r.total !== undefined);
  const onKey = (event: KeyboardEvent) => {
    const [row, column] = focus.value;
    const moves: Record<string, readonly [number, number]> = { ArrowRight: [row, column + 1], ArrowLeft: [row, column - 1], ArrowDown: [row + 1, column], ArrowUp: [row - 1, column], Home: [row, 0], End: [row, columns.length - 1], PageDown: [row + 10, column], PageUp: [row - 10, column] };
    const to = moves[event.key];
    if (!to) return;
    event.preventDefault();
    focus.value = [Math.max(0, Math.min(rows.length - 1, to[0])), Math.max(0, Math.min(columns.length - 1, to[1]))];
    (event.currentTarget as HTMLElement).querySelector<HTMLElement>(`[data-at="${focus.value.join()}"]`)?.focus();
  };
  return (
    <div class="matrix-box">
      <div class="matrix-scroll">
        {/* biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a table with keyboard movement is a grid (ARIA Authoring Practices) */}
        <table class="matrix" role="grid" aria-label="Nodes and plugins" aria-rowcount={rows.length + matrix.hidden + 1} onKeyDown={onKey}>
          <thead>
            <tr>
              <th scope="col" class="corner">Node</th>
              {columns.map((column, index) => <ColumnHead key={`${column.kind}${column.plugin}`} column={column} first={index === firstScore} />)}
              {scored && <th scope="col" class="total-head">Total</th>}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, index) => (
              <MatrixRow key={row.node} row={row} index={index} firstScore={firstScore} scored={scored} focus={focus.value} columns={columns} onReason={(text) => (reason.value = text)} onFocus={(at) => (focus.value = at)} />
            ))}
          </tbody>
        </table>
      </div>
      <p class="reason" aria-live="polite">{short(reason.value) || 'Point at a cell, or move with the arrow keys, for its reason.'}</p>
    </div>
  );
}

function ColumnHead({ column, first }: { column: Column; first: boolean }) {
  const title = column.kind === 'filter' ? `${column.plugin} (filter)${column.rejected ? `: turned away ${column.rejected}` : ''}` : `${column.plugin} (score)${column.weight ? `, weight ${column.weight}` : ''}`;
  return (
    <th scope="col" class={`head ${column.kind}${first ? ' first-score' : ''}`} title={title}>
      <span>{column.plugin}{column.kind === 'score' && column.weight && column.weight !== 1 ? ` ×${column.weight}` : ''}</span>
    </th>
  );
}

interface RowProps {
  row: Row;
  columns: readonly Column[];
  index: number;
  firstScore: number;
  scored: boolean;
  focus: readonly [number, number];
  onReason(text: string): void;
  onFocus(at: readonly [number, number]): void;
}

function MatrixRow({ row, columns, index, firstScore, scored, focus, onReason, onFocus }: RowProps) {
  return (
    <tr class={`${row.chosen ? 'chosen' : ''}${row.feasible ? '' : ' out'}`} aria-selected={row.chosen}>
      <th scope="row" title={row.node}>
        {row.chosen && <span class="star" aria-hidden="true">★</span>}
        <span class="name">{short(row.node)}</span>
        {row.chosen && <span class="visually-hidden">, chosen</span>}
        {row.tied && !row.chosen && <span class="tie" title="had the best score too">tie</span>}
      </th>
      {row.cells.map((cell, column) => (
        <td
          key={column}
          // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a cell of a grid
          role="gridcell"
          class={`cell ${cell.state} of-${columns[column].kind}${column === firstScore ? ' first-score' : ''}`}
          data-at={`${index},${column}`}
          tabIndex={focus[0] === index && focus[1] === column ? 0 : -1}
          aria-label={spoken(cell)}
          onMouseEnter={() => onReason(reasonOf(cell))}
          onFocus={() => {
            onFocus([index, column]);
            onReason(reasonOf(cell));
          }}
        >
          {cell.state === 'verdict' && <Mark code={cell.code} />}
          {cell.state === 'score' && (
            <span class="score"><span class="fill" style={{ width: `${cell.bar * 100}%` }} /><span class="value">{cell.value}</span></span>
          )}
        </td>
      ))}
      {scored && (
        <td class="total">
          {row.total !== undefined && <span class="score"><span class="fill" style={{ width: `${(row.totalBar ?? 0) * 100}%` }} /><span class="value">{row.total}</span></span>}
        </td>
      )}
    </tr>
  );
}
