/** Clients that look back: lists page by page, lists and watches at revisions that may be compacted meanwhile. */
import { realClock } from '@pilothouse/base';
import type { Change } from '@pilothouse/testing/histories/operations';
import type { Listed, Watched } from '@pilothouse/testing/histories/watches';
import { type Answer, type ApiTarget } from '../consistency/api-target.ts';
import { collection } from '../consistency/clients.ts';
import type { Dice } from '../suite.ts';

export interface ReaderOptions {
  name: string;
  target: ApiTarget;
  dice: Dice;
  running(): boolean;
  /** Names of objects that are there all the time and never change. */
  lasting: readonly string[];
  /** What somebody else has learned of late: a revision to look back to. */
  earlier(): number;
  seen: Seen;
}

/** What readers met. */
export interface Seen {
  wrong: string[];
  pages: number;
  /** Lists that went on with the token of a 410. */
  inconsistent: number;
  lists: Listed[];
  watched: Watched[];
  /** Answers 410 to lists and watches at old revisions. */
  gone: number;
}

const wordsOfContinue = 'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

const isExpired = ({ status, body }: Answer): boolean => status === 410 && body.reason === 'Expired' && body.kind === 'Status' && body.code === 410;

/** Lists page by page, slowly: all that lasts is shown once, whether the list stays consistent or not. */
export async function runPager({ name, target, dice, running, lasting, seen }: ReaderOptions): Promise<void> {
  next: while (running()) {
    const names: string[] = [];
    let token = '';
    let revision = '';
    let broken = false;
    do {
      const answer = await target.call('GET', `${collection}?limit=${dice.between(20, 90)}${token && `&continue=${encodeURIComponent(token)}`}`).catch(() => undefined);
      if (answer && isExpired(answer)) {
        if (answer.body.message !== wordsOfContinue) seen.wrong.push(`${name}: a continue token that is too old was answered ${answer.body.message}`);
        token = answer.body.metadata?.continue ?? '';
        if (!token) seen.wrong.push(`${name}: 410 without a token to go on with`);
        broken = true;
        seen.inconsistent++;
        continue;
      }
      if (answer?.status !== 200) {
        // The server was killed: this list is given up.
        await realClock.sleep(50);
        continue next;
      }
      seen.pages++;
      const { items, metadata } = answer.body;
      names.push(...items.map((item: any) => item.metadata.name));
      if (!broken && revision && metadata.resourceVersion !== revision) seen.wrong.push(`${name}: a page is of revision ${metadata.resourceVersion}, the ones before of ${revision}`);
      revision = metadata.resourceVersion;
      token = metadata.continue ?? '';
      if (token) await realClock.sleep(dice.below(250));
    } while (token);
    const shown = Map.groupBy(names, (one) => one);
    for (const one of lasting) if (shown.get(one)?.length !== 1) seen.wrong.push(`${name}: ${one} was shown ${shown.get(one)?.length ?? 0} times`);
    if (new Set(names).size !== names.length) seen.wrong.push(`${name}: something was shown twice`);
  }
}

/** Lists exactly as of an earlier revision: what was there then, or 410. */
export async function runExactLists({ name, target, dice, running, earlier, seen }: ReaderOptions): Promise<void> {
  while (running()) {
    await realClock.sleep(dice.below(60));
    const revision = earlier();
    const start = realClock.monotonic();
    const answer = await target.call('GET', `${collection}?resourceVersion=${revision}&resourceVersionMatch=Exact`).catch(() => undefined);
    if (!answer) continue;
    if (answer.status === 200) {
      const entries = new Map<string, { revision: number; value: string }>(answer.body.items.map((item: any) => [item.metadata.name, { revision: Number(item.metadata.resourceVersion), value: item.data.v }]));
      if (Number(answer.body.metadata.resourceVersion) !== revision) seen.wrong.push(`${name}: asked for revision ${revision}, answered ${answer.body.metadata.resourceVersion}`);
      seen.lists.push({ client: name, start, end: realClock.monotonic(), revision, entries });
    } else if (isExpired(answer)) {
      seen.gone++;
      if (answer.body.message !== 'The resourceVersion for the provided list is too old.') seen.wrong.push(`${name}: an exact list that is too old was answered ${answer.body.message}`);
    } else if (answer.status !== 429 && answer.status < 500) seen.wrong.push(`${name}: an exact list at ${revision} was answered ${answer.status} ${answer.body.message}`);
  }
}

/** Watches from an earlier revision for a while: every event since, or 410. */
export async function runLateWatches({ name, target, dice, running, earlier, seen }: ReaderOptions): Promise<void> {
  for (let n = 0; running(); n++) {
    const after = earlier();
    const abort = new AbortController();
    const changes: Change[] = [];
    let upTo = after;
    const stop = realClock.after(dice.between(100, 700), () => abort.abort());
    await target
      .watch(`${collection}?watch=true&allowWatchBookmarks=true&resourceVersion=${after}`, ({ type, object }) => {
        if (type === 'ERROR') {
          if (object.code !== 410) return;
          seen.gone++;
          if (!/^too old resource version: \d+ \(\d+\)$/.test(object.message)) seen.wrong.push(`${name}: a watch that begins too early was answered ${object.message}`);
          return;
        }
        const revision = Number(object.metadata.resourceVersion);
        if (type !== 'BOOKMARK') changes.push({ key: object.metadata.name, revision, value: type === 'DELETED' ? undefined : object.data.v });
        upTo = Math.max(upTo, revision);
      }, abort.signal)
      .catch(() => {});
    stop.cancel();
    seen.watched.push({ client: `${name} watch ${n}`, after, upTo, changes });
  }
}
