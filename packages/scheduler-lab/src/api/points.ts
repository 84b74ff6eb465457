import type { Point } from './types.ts';

/** Extension points at which a cycle can be held: those before anything is committed. */
export const everyPoint: readonly Point[] = ['PreEnqueue', 'PreFilter', 'Filter', 'PostFilter', 'PreScore', 'Score', 'NormalizeScore', 'Reserve'];
