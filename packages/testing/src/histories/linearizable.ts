import { describeOperation, type Operation, type Write } from './operations.ts';

/**
 * Decides whether a history of registers with compare-and-swap is linearizable: whether there is one order of the
 * operations of each key, keeping those in order that did not overlap, in which each answer is the right one. Keys are
 * independent of each other. The search is that of Wing and Gong with Lowe's memory of what was tried
 * (J. ACM 1993, http://www.cs.ox.ac.uk/people/gavin.lowe/LinearizabiltyTesting/paper.pdf).
 */
export function checkLinearizable(history: readonly Operation[]): { linearizable: true } | { linearizable: false; key: string; explanation: string } {
  for (const [key, operations] of Map.groupBy(history, (o) => o.key)) {
    const explanation = explain(operations);
    if (explanation) return { linearizable: false, key, explanation };
  }
  return { linearizable: true };
}

/** Revision and value of the register; revision 0: absent. A write whose revision nobody was told has a negative one, which no condition names. */
interface State {
  revision: number;
  value: string | undefined;
}

const absent: State = { revision: 0, value: undefined };

/** The state after the operation, or undefined where it cannot have been answered so in this state. */
function step(operation: Operation, state: State, revisionOf: (write: Write) => number): State | undefined {
  if (operation.kind === 'read') {
    const { found } = operation;
    return (found?.revision ?? 0) === state.revision && found?.value === state.value ? state : undefined;
  }
  const { ifRevision, value } = operation;
  const holds = ifRevision === undefined ? state.revision !== 0 : ifRevision === state.revision;
  if (operation.outcome === 'refused') return holds ? undefined : state;
  if (!holds) return undefined;
  return value === undefined ? absent : { revision: revisionOf(operation), value };
}

/** A call or an answer, in a list ordered by time that operations are taken out of and put back into. */
interface Item {
  at: number;
  operation: number;
  answer: Item | undefined;
  next: Item | undefined;
  previous: Item | undefined;
}

/** Undefined when the operations of one key are linearizable; else how far an order could be found. */
function explain(operations: readonly Operation[]): string | undefined {
  const revisions = knownRevisions(operations);
  const hidden = new Map<Write, number>();
  const revisionOf = (write: Write): number => write.revision ?? revisions.get(write.value!) ?? hidden.get(write) ?? (hidden.set(write, -1 - hidden.size), hidden.get(write)!);
  const head = listOf(operations);
  const done = new Uint8Array(Math.ceil(operations.length / 8));
  const seen = new Set<string>();
  const stack: { item: Item; state: State }[] = [];
  let state = absent;
  let left = operations.filter((o) => o.end !== Number.POSITIVE_INFINITY).length;
  let best = { length: -1, order: [] as number[], state, stuck: -1 };
  let item = head.next;
  while (left > 0) {
    if (item?.answer) {
      const { operation } = item;
      const after = step(operations[operation], state, revisionOf);
      if (after) {
        done[operation >> 3] |= 1 << (operation & 7);
        const id = `${after.revision} ${after.value} ${Buffer.from(done).toString('latin1')}`;
        if (!seen.has(id)) {
          seen.add(id);
          stack.push({ item, state });
          state = after;
          if (operations[operation].end !== Number.POSITIVE_INFINITY) left--;
          takeOut(item);
          item = head.next;
          continue;
        }
        done[operation >> 3] &= ~(1 << (operation & 7));
      }
      item = item.next;
      continue;
    }
    // An answer whose call is not placed yet, or the end: something before must be undone.
    if (stack.length > best.length) best = { length: stack.length, order: stack.map((s) => s.item.operation), state, stuck: item?.operation ?? -1 };
    const last = stack.pop();
    if (!last) return report(operations, best);
    const { operation } = last.item;
    state = last.state;
    done[operation >> 3] &= ~(1 << (operation & 7));
    if (operations[operation].end !== Number.POSITIVE_INFINITY) left++;
    putBack(last.item);
    item = last.item.next;
  }
  return undefined;
}

/** Values are unique, so a read tells the revision of a write whose answer was lost. */
function knownRevisions(operations: readonly Operation[]): Map<string, number> {
  const revisions = new Map<string, number>();
  for (const o of operations) if (o.kind === 'read' && o.found) revisions.set(o.found.value, o.found.revision);
  return revisions;
}

function listOf(operations: readonly Operation[]): Item {
  const items = operations.flatMap((o, operation): Item[] => {
    const answer: Item = { at: o.end, operation, answer: undefined, next: undefined, previous: undefined };
    return [{ at: o.start, operation, answer, next: undefined, previous: undefined }, answer];
  });
  // Of the same moment calls come first: those operations overlap.
  items.sort((a, b) => a.at - b.at || Number(b.answer !== undefined) - Number(a.answer !== undefined));
  const head: Item = { at: Number.NEGATIVE_INFINITY, operation: -1, answer: undefined, next: undefined, previous: undefined };
  let last = head;
  for (const item of items) {
    last.next = item;
    item.previous = last;
    last = item;
  }
  return head;
}

function takeOut(item: Item): void {
  for (const each of [item, item.answer!]) {
    each.previous!.next = each.next;
    if (each.next) each.next.previous = each.previous;
  }
}

function putBack(item: Item): void {
  for (const each of [item.answer!, item]) {
    each.previous!.next = each;
    if (each.next) each.next.previous = each;
  }
}

function report(operations: readonly Operation[], best: { order: number[]; state: State; stuck: number }): string {
  const placed = best.order.slice(-5).map((o) => describeOperation(operations[o]));
  const overlapping = best.stuck < 0 ? [] : operations.filter((o, i) => !best.order.includes(i) && o.start <= operations[best.stuck].end).slice(0, 8).map(describeOperation);
  return [`after ${best.order.length} of ${operations.length} operations, with ${best.state.revision ? `${best.state.value}@${best.state.revision}` : 'nothing'} there, no order goes on`, 'the last that fitted:', ...placed, 'what cannot follow:', ...overlapping].join('\n  ');
}
