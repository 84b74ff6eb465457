/** Images as the node's status lists them, and their removal when the disk fills up. */
import type { ContainerImage } from '@pilothouse/api-schemas/types/core/v1';
import type { Clock } from '@pilothouse/base';
import type { Cri } from '../cri/contract.ts';

/** A node's status lists no more than this (nodeStatusMaxImages). */
const mostImages = 50;
const mostNames = 5;

/** The largest first. */
export async function nodeImages(cri: Cri): Promise<ContainerImage[]> {
  const { images } = await cri.call('ListImages', {}, { timeoutMs: 10_000 });
  return images
    .map((i) => ({ names: [...i.repoDigests, ...i.repoTags].slice(0, mostNames), sizeBytes: i.size }))
    .sort((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, mostImages);
}

const highRatio = 0.85;
const lowRatio = 0.8;
const leastAgeMs = 2 * 60_000;
const lastUsed = new Map<string, number>();

/** Removes images that nobody uses, the longest unused first, from 85 % disk use down to 80 %. @returns what was removed */
export async function collectImages({ cri, clock, used, facts }: { cri: Cri; clock: Clock; used(): ReadonlySet<string>; facts(): { storageBytes: number; storageFreeBytes: number } }): Promise<string[]> {
  const { images } = await cri.call('ListImages', {});
  const inUse = used();
  const now = clock.now();
  for (const image of images) {
    const isUsed = image.pinned || [image.id, ...image.repoTags, ...image.repoDigests].some((n) => inUse.has(n));
    if (isUsed || !lastUsed.has(image.id)) lastUsed.set(image.id, now);
  }
  const { storageBytes, storageFreeBytes } = facts();
  if (!storageBytes || 1 - storageFreeBytes / storageBytes < highRatio) return [];
  let toFree = storageBytes - storageFreeBytes - storageBytes * lowRatio;
  const removed: string[] = [];
  const idle = images.filter((i) => !i.pinned && (lastUsed.get(i.id) ?? now) <= now - leastAgeMs).sort((a, b) => lastUsed.get(a.id)! - lastUsed.get(b.id)!);
  for (const image of idle) {
    if (toFree <= 0) break;
    await cri.call('RemoveImage', { image: { image: image.id } });
    lastUsed.delete(image.id);
    removed.push(image.id);
    toFree -= image.size;
  }
  return removed;
}
