import { alreadyExistsError, conflictError, type FieldError, invalid, invalidError, nameIsDnsSubdomain, required, tooMany, validateLabelSelector } from '@pilothouse/apimachinery';
import { formatTime } from '@pilothouse/base/clock';
import { everyPoint } from './points.ts';
import type { Lab } from '../lab.ts';
import type { Breakpoint } from '../holding/holding.ts';
import { subjectOf } from './resource-view.ts';
import { labApiVersion, labGroup, type SchedulingBreakpoint } from './types.ts';

/** Breakpoints there may be: each pod is put to all of them. */
const most = 100;

/** Makes a breakpoint. @throws StatusError 409, 422 */
export function createBreakpoint({ holding, clock, world }: Lab, given: SchedulingBreakpoint, namespace: string, { uid, suffix, dryRun }: { uid: string; suffix: string; dryRun: boolean }): SchedulingBreakpoint {
  const name = given.metadata.name || (given.metadata.generateName ? `${given.metadata.generateName}${suffix}` : '');
  const found = validate(given, name, world.config.profiles.map((p) => p.schedulerName));
  if (holding.breakpoints.size >= most) found.push(tooMany('metadata.namespace', most + 1, most));
  if (found.length) throw invalidError({ group: labGroup, kind: 'SchedulingBreakpoint' }, name, found);
  if (holding.breakpoints.has(`${namespace}/${name}`)) throw alreadyExistsError(subjectOf('schedulingbreakpoints'), name);
  const { labels, annotations } = given.metadata;
  const object: SchedulingBreakpoint = {
    apiVersion: labApiVersion, kind: 'SchedulingBreakpoint',
    metadata: { name, namespace, uid, creationTimestamp: formatTime(clock.now()), ...(labels && { labels }), ...(annotations && { annotations }) },
    spec: given.spec,
  };
  if (dryRun) return { ...object, status: { hits: 0 } };
  const made: Breakpoint = holding.setBreakpoint(object);
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(made.version) }, status: { hits: 0 } };
}

/** Gives a breakpoint another content; what it holds stays held. @throws StatusError 409, 422 */
export function updateBreakpoint({ holding, world }: Lab, given: SchedulingBreakpoint, old: Breakpoint, { dryRun }: { dryRun: boolean }): SchedulingBreakpoint {
  const { metadata } = old.object;
  const name = metadata.name!;
  const found = validate(given, name, world.config.profiles.map((p) => p.schedulerName));
  if (given.metadata.name && given.metadata.name !== name) found.push(invalid('metadata.name', given.metadata.name, 'field is immutable'));
  if (found.length) throw invalidError({ group: labGroup, kind: 'SchedulingBreakpoint' }, name, found);
  const { resourceVersion, labels, annotations } = given.metadata;
  if (resourceVersion && resourceVersion !== String(old.version)) throw conflictError(subjectOf('schedulingbreakpoints'), name, 'the object has been modified; please apply your changes to the latest version and try again');
  const { labels: _labels, annotations: _annotations, ...own } = metadata;
  const object: SchedulingBreakpoint = { ...old.object, metadata: { ...own, ...(labels && { labels }), ...(annotations && { annotations }) }, spec: given.spec };
  const made = dryRun ? old : holding.setBreakpoint(object);
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(made.version) }, status: { hits: old.hits } };
}

function validate({ spec }: SchedulingBreakpoint, name: string, schedulers: readonly string[]): FieldError[] {
  const found: FieldError[] = [];
  if (!name) found.push(required('metadata.name', 'name or generateName is required'));
  else for (const wrong of nameIsDnsSubdomain(name)) found.push(invalid('metadata.name', name, wrong));
  if (!spec) return [...found, required('spec')];
  found.push(...validateLabelSelector(spec.selector, 'spec.selector'));
  if (spec.schedulerName && !schedulers.includes(spec.schedulerName)) found.push({ reason: 'FieldValueNotFound', field: 'spec.schedulerName', message: `Not found: ${JSON.stringify(spec.schedulerName)}` });
  spec.points?.forEach((point, i) => {
    if (!everyPoint.includes(point)) found.push({ reason: 'FieldValueNotSupported', field: `spec.points[${i}]`, message: `Unsupported value: ${JSON.stringify(point)}: supported values: ${everyPoint.map((p) => JSON.stringify(p)).join(', ')}` });
  });
  if (spec.queue && spec.queue !== 'Flow' && spec.queue !== 'Wait') found.push({ reason: 'FieldValueNotSupported', field: 'spec.queue', message: `Unsupported value: ${JSON.stringify(spec.queue)}: supported values: "Flow", "Wait"` });
  for (const [field, value, high] of [['timeoutSeconds', spec.timeoutSeconds, 3600], ['leaseSeconds', spec.leaseSeconds, 600]] as const) if (value !== undefined && (value < 1 || value > high)) found.push(invalid(`spec.${field}`, value, `must be between 1 and ${high}, inclusive`));
  return found;
}
