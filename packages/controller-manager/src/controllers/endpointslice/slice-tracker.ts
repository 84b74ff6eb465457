import type { EndpointSlice } from '@pilothouse/api-schemas/types/discovery/v1';

/** Remembers what was written to slices, to know a cache that does not show it yet. */
export interface SliceTracker {
  written(owner: string, slice: EndpointSlice): void;
  deleted(owner: string, slice: EndpointSlice): void;
  /** A deletion by whomever was seen. */
  seenDeleted(owner: string, slice: EndpointSlice): void;
  isStale(owner: string, slices: readonly EndpointSlice[]): boolean;
  forget(owner: string): void;
}

const gone = -1;

export function createSliceTracker(): SliceTracker {
  const expected = new Map<string, Map<string, number>>();
  const of = (owner: string) => {
    let generations = expected.get(owner);
    if (!generations) expected.set(owner, (generations = new Map()));
    return generations;
  };
  return {
    written: (owner, { metadata }) => void of(owner).set(metadata.uid!, metadata.generation ?? 0),
    deleted: (owner, { metadata }) => void of(owner).set(metadata.uid!, gone),
    seenDeleted: (owner, { metadata }) => void expected.get(owner)?.delete(metadata.uid!),
    isStale(owner, slices) {
      const generations = expected.get(owner);
      if (!generations) return false;
      const found = new Map(slices.map((slice) => [slice.metadata.uid!, slice.metadata.generation ?? 0]));
      for (const [uid, generation] of generations) {
        const seen = found.get(uid);
        if (generation === gone ? seen !== undefined : seen === undefined || seen < generation) return true;
      }
      return false;
    },
    forget: (owner) => void expected.delete(owner),
  };
}
