/** The group's resources, as discovery tells of them. */
import { labGroup, labVersion } from './types.ts';

const facts = (name: string, kind: string, verbs: string[], more: { singularName?: string; shortNames?: string[] } = {}) => ({ group: labGroup, version: labVersion, name, singularName: more.singularName ?? kind.toLowerCase(), namespaced: true, kind, verbs, ...(more.shortNames && { shortNames: more.shortNames }) });

export const groups = [{ name: labGroup, versions: [labVersion], preferredVersion: labVersion }];

/**
 * DELETE of a held cycle is answered, but not told of here: what can be deleted and watched the garbage collector watches, and a watch of
 * held cycles is taken for somebody who wants them held.
 */
export const resources = [
  facts('heldcycles', 'HeldCycle', ['get', 'list', 'watch']),
  facts('heldcycles/command', 'CycleCommand', ['create'], { singularName: '' }),
  facts('queuedpods', 'QueuedPod', ['get', 'list', 'watch'], { shortNames: ['qp'] }),
  facts('schedulingbreakpoints', 'SchedulingBreakpoint', ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'], { shortNames: ['sbp'] }),
  facts('schedulingreviews', 'SchedulingReview', ['create']),
  facts('schedulingtraces', 'SchedulingTrace', ['get', 'list', 'watch'], { shortNames: ['strace'] }),
];
