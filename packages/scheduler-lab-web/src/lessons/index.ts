/** The lessons, in the order they are best taken. */
import { affinity } from './affinity.ts';
import { binPacking } from './bin-packing.ts';
import { clinic } from './clinic.ts';
import { gates } from './gates.ts';
import type { Lesson } from './lesson.ts';
import { ownPlugin } from './own-plugin.ts';
import { preemption } from './preemption.ts';
import { selectors } from './selectors.ts';
import { spread } from './spread.ts';
import { taints } from './taints.ts';
import { volumes } from './volumes.ts';

export const lessons: readonly Lesson[] = [selectors, affinity, taints, spread, preemption, binPacking, gates, volumes, clinic, ownPlugin];
