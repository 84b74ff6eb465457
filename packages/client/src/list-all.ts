import { isExpired, type KubeObject, type ResourceType } from '@pilothouse/apimachinery';
import type { Client, ListOptions } from './contract.ts';

/**
 * Lists in pages of `limit` (default 500) and joins them. A list from the cache (`resourceVersion: '0'`) comes in one
 * piece. Where the continuation expires midway the rest is replaced by one whole list, as client-go's pager does.
 */
export async function listAll<T extends KubeObject>(client: Client, type: ResourceType<T>, options: ListOptions = {}): Promise<{ items: T[]; resourceVersion: string }> {
  const limit = options.resourceVersion === '0' ? undefined : (options.limit ?? 500);
  let page = await client.list<T>(type, { ...options, limit });
  if (!page.metadata.continue) return { items: page.items ?? [], resourceVersion: page.metadata.resourceVersion ?? '' };
  const items = [...page.items];
  const resourceVersion = page.metadata.resourceVersion ?? '';
  while (page.metadata.continue) {
    try {
      page = await client.list<T>(type, { ...options, limit, resourceVersion: undefined, resourceVersionMatch: undefined, continue: page.metadata.continue });
    } catch (error) {
      if (!isExpired(error)) throw error;
      page = await client.list<T>(type, { ...options, limit: undefined, continue: undefined });
      return { items: page.items ?? [], resourceVersion: page.metadata.resourceVersion ?? '' };
    }
    for (const item of page.items ?? []) items.push(item);
  }
  return { items, resourceVersion };
}
