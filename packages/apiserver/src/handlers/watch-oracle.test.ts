import { seededRandom } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { settle, startTestApi, type TestWatch } from './testing.ts';

const url = '/api/v1/namespaces/ns/configmaps';
const selectors = ['', '&labelSelector=color%3Dred', '&labelSelector=color+notin+(red)', '&fieldSelector=metadata.name%3Dm3', '&labelSelector=color&fieldSelector=metadata.name!%3Dm1'];

/** What a client holds that applied every event it was sent; complains about events that make no sense. */
class Replica {
  readonly held = new Map<string, string>();
  #seen = 0;
  newest = 0;
  take(watch: TestWatch): void {
    for (const { type, object } of watch.events.slice(this.#seen)) {
      this.#seen++;
      const { name, resourceVersion } = object.metadata;
      if (type === 'ADDED') expect(this.held.has(name), `${name} is added twice`).toBe(false);
      else expect(this.held.has(name), `${name} is ${type} but not held`).toBe(true);
      if (type === 'DELETED') this.held.delete(name);
      else this.held.set(name, resourceVersion);
      if (Number(resourceVersion) > this.newest) this.newest = Number(resourceVersion);
    }
  }
  forgetEvents(): void {
    this.#seen = 0;
  }
}

test.each([1, 2, 3])('whoever applies the events holds what a list shows, through restarts of its watch (seed %i)', async (seed) => {
  const api = await startTestApi();
  const random = seededRandom(seed);
  const clients = await Promise.all(selectors.map(async (selector) => ({ selector, replica: new Replica(), watch: await api.watch(`${url}?watch=1${selector}`) })));
  for (let step = 0; step < 400; step++) {
    const name = `m${random.below(6)}`;
    const color = ['red', 'blue', null][random.below(3)];
    const action = random.next();
    if (action < 0.35) await api.call('POST', url, { metadata: { name, ...(color && { labels: { color } }) } });
    else if (action < 0.75) await api.call('PATCH', `${url}/${name}`, { metadata: { labels: { color } }, data: { step: String(step) } }, { 'content-type': 'application/merge-patch+json' });
    else await api.call('DELETE', `${url}/${name}`);
    if (random.next() < 0.05) {
      const client = clients[random.below(clients.length)];
      await settle();
      client.replica.take(client.watch);
      client.watch.stop();
      await client.watch.ended;
      client.replica.forgetEvents();
      // From where it was, or, having seen nothing yet, from the beginning.
      client.watch = await api.watch(`${url}?watch=1${client.selector}${client.replica.newest ? `&resourceVersion=${client.replica.newest}` : ''}`);
    }
  }
  await settle();
  for (const { selector, replica, watch } of clients) {
    replica.take(watch);
    const { body } = await api.call('GET', `${url}?${selector.slice(1)}`);
    expect([...replica.held].sort(), selector).toEqual(body.items.map((item: any) => [item.metadata.name, item.metadata.resourceVersion]));
  }
  await api.close();
});
