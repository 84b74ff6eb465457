/** Events: stored as core/v1, served in events.k8s.io/v1 too, with rules of its own for each. */
import { dns1123Subdomain, events as coreType, eventsEvents as groupType, type FieldError, invalid, nameIsDnsSubdomain, qualifiedName, required } from '@pilothouse/apimachinery';
import type { Event as CoreEvent } from '@pilothouse/api-schemas/types/core/v1';
import type { Event as GroupEvent } from '@pilothouse/api-schemas/types/events/v1';
import type { Strategy } from '../../contract.ts';
import { defineResource } from '../define.ts';
import { checkName } from '../validation/check-name.ts';
import type { InternalTypeName } from '../validation/internal-form.ts';
import { immutable, validateObjectMeta, validateObjectMetaUpdate } from '../validation/object-meta.ts';

/** Seconds for which an event is kept. */
const ttlSeconds = 3600;

const limits: [key: 'reportingInstance' | 'action' | 'reason', max: number][] = [
  ['reportingInstance', 128],
  ['action', 128],
  ['reason', 128],
];

/** The rules of both versions. `controllerField`: how the request's version names the reporting controller. */
function validateCommon(errors: FieldError[], event: CoreEvent, controllerField: string): void {
  const namespace = event.metadata.namespace ?? '';
  const involved = event.involvedObject?.namespace ?? '';
  const mismatch = () => errors.push(invalid('involvedObject.namespace', involved, 'does not match event.namespace'));
  if (!event.eventTime) {
    if (involved ? namespace !== involved : namespace !== '' && namespace !== 'default') mismatch();
  } else {
    if (!involved && namespace !== 'default' && namespace !== 'kube-system') mismatch();
    const controller = event.reportingComponent ?? '';
    if (!controller) errors.push(required(controllerField));
    checkName(errors, controllerField, controller, qualifiedName);
    for (const [key, max] of limits) {
      const value = (event[key] as string | undefined) ?? '';
      if (!value) errors.push(required(key));
      if (Buffer.byteLength(value) > max) errors.push(invalid(key, '', `can have at most ${max} characters`));
    }
    if (Buffer.byteLength(event.message ?? '') > 1024) errors.push(invalid('message', '', 'can have at most 1024 characters'));
  }
  checkName(errors, 'namespace', namespace, dns1123Subdomain);
}

function validateSeries(errors: FieldError[], { series }: CoreEvent): void {
  if (!series) return;
  if ((series.count ?? 0) < 2) errors.push(invalid('series.count', '', 'should be at least 2'));
  if (!series.lastObservedTime) errors.push(required('series.lastObservedTime'));
}

const unset = 'needs to be unset';

function validateGroupCreate(event: CoreEvent): FieldError[] {
  const errors: FieldError[] = [];
  validateCommon(errors, event, 'reportingController');
  validateObjectMeta(errors, event.metadata, { name: nameIsDnsSubdomain, namespaced: true });
  validateSeries(errors, event);
  if (!event.eventTime) errors.push(required('eventTime'));
  if (event.type !== 'Normal' && event.type !== 'Warning') errors.push(invalid('type', '', `has invalid value: ${event.type ?? ''}`));
  if (event.firstTimestamp) errors.push(invalid('firstTimestamp', '', unset));
  if (event.lastTimestamp) errors.push(invalid('lastTimestamp', '', unset));
  if (event.count) errors.push(invalid('count', '', unset));
  if (event.source?.component || event.source?.host) errors.push(invalid('source', '', unset));
  return errors;
}

interface FixedField {
  key: keyof CoreEvent;
  reported?: string;
  /** What an absent value is shown as. Default: the empty text. */
  absent?: unknown;
  type?: InternalTypeName;
}

/** Fields of the stored event that an update cannot change, in upstream's order. */
const fixed: readonly FixedField[] = [
  { key: 'involvedObject', absent: {}, type: 'core/v1.ObjectReference' },
  { key: 'reason' },
  { key: 'message' },
  { key: 'source', absent: {}, type: 'core/v1.EventSource' },
  { key: 'firstTimestamp', absent: null },
  { key: 'lastTimestamp', absent: null },
  { key: 'count', absent: 0 },
  { key: 'reason' },
  { key: 'type' },
  { key: 'eventTime', absent: null },
  { key: 'action' },
  { key: 'related', absent: null, type: 'core/v1.ObjectReference' },
  { key: 'reportingComponent', reported: 'reportingController' },
  { key: 'reportingInstance' },
];

function validateGroupUpdate(event: CoreEvent, old: CoreEvent): FieldError[] {
  const errors: FieldError[] = [];
  validateCommon(errors, event, 'reportingController');
  validateObjectMetaUpdate(errors, event.metadata, old.metadata);
  if (JSON.stringify(event.series) !== JSON.stringify(old.series)) validateSeries(errors, event);
  for (const { key, reported = key, absent = '', type } of fixed) immutable(errors, event[key] ?? absent, old[key] ?? absent, reported, type);
  return errors;
}

const coreStrategy: Strategy<CoreEvent> = {
  allowCreateOnUpdate: true,
  validate(event) {
    const errors: FieldError[] = [];
    validateCommon(errors, event, 'reportingComponent');
    return errors;
  },
  validateUpdate(event) {
    const errors: FieldError[] = [];
    validateCommon(errors, event, 'reportingComponent');
    return errors;
  },
};

/** events.k8s.io/v1 → core/v1. */
export function eventToCore(event: GroupEvent): CoreEvent {
  const { apiVersion: _v, kind: _k, regarding, note, reportingController, deprecatedSource, deprecatedFirstTimestamp, deprecatedLastTimestamp, deprecatedCount, ...same } = event;
  return {
    kind: 'Event',
    apiVersion: 'v1',
    metadata: same.metadata ?? {},
    involvedObject: regarding ?? {},
    ...(same.reason !== undefined && { reason: same.reason }),
    ...(note !== undefined && { message: note }),
    source: deprecatedSource ?? {},
    firstTimestamp: deprecatedFirstTimestamp ?? (null as never),
    lastTimestamp: deprecatedLastTimestamp ?? (null as never),
    ...(deprecatedCount !== undefined && { count: deprecatedCount }),
    ...(same.type !== undefined && { type: same.type }),
    eventTime: same.eventTime ?? (null as never),
    ...(same.series && { series: same.series }),
    ...(same.action !== undefined && { action: same.action }),
    ...(same.related && { related: same.related }),
    reportingComponent: reportingController ?? '',
    reportingInstance: same.reportingInstance ?? '',
  };
}

/** core/v1 → events.k8s.io/v1. */
export function eventToGroup(event: CoreEvent): GroupEvent {
  const { apiVersion: _v, kind: _k, involvedObject, message, reportingComponent, source, firstTimestamp, lastTimestamp, count, ...same } = event;
  return {
    kind: 'Event',
    apiVersion: 'events.k8s.io/v1',
    metadata: same.metadata,
    eventTime: same.eventTime ?? (null as never),
    ...(same.series && { series: same.series as GroupEvent['series'] }),
    ...(reportingComponent && { reportingController: reportingComponent }),
    ...(same.reportingInstance && { reportingInstance: same.reportingInstance }),
    ...(same.action !== undefined && { action: same.action }),
    ...(same.reason !== undefined && { reason: same.reason }),
    regarding: involvedObject,
    ...(same.related && { related: same.related }),
    ...(message !== undefined && { note: message }),
    ...(same.type !== undefined && { type: same.type }),
    deprecatedSource: source ?? {},
    deprecatedFirstTimestamp: firstTimestamp ?? (null as never),
    deprecatedLastTimestamp: lastTimestamp ?? (null as never),
    ...(count !== undefined && { deprecatedCount: count }),
  };
}

const objectFields = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'] as const;

export const events = defineResource<any>(coreType, {
  strategy: coreStrategy,
  ttlSeconds,
  selectableFields: {
    ...Object.fromEntries(objectFields.map((key) => [`involvedObject.${key}`, (event: CoreEvent) => event.involvedObject?.[key] ?? ''])),
    reason: (event: CoreEvent) => event.reason ?? '',
    reportingComponent: (event: CoreEvent) => event.reportingComponent ?? '',
    source: (event: CoreEvent) => event.source?.component || (event.reportingComponent ?? ''),
    type: (event: CoreEvent) => event.type ?? '',
  },
});

const groupStrategy: Strategy<GroupEvent & { metadata: object }> = {
  allowCreateOnUpdate: true,
  validate: (event) => validateGroupCreate(eventToCore(event)),
  validateUpdate: (event, old) => validateGroupUpdate(eventToCore(event), eventToCore(old)),
};

export const eventsEvents = defineResource<any>(groupType, {
  strategy: groupStrategy,
  ttlSeconds,
  selectableFields: {
    ...Object.fromEntries(objectFields.map((key) => [`regarding.${key}`, (event: GroupEvent) => event.regarding?.[key] ?? ''])),
    reason: (event: GroupEvent) => event.reason ?? '',
    reportingController: (event: GroupEvent) => event.reportingController ?? '',
    type: (event: GroupEvent) => event.type ?? '',
  },
  conversion: { storage: coreType, toStorage: (event) => eventToCore(event), fromStorage: (event) => eventToGroup(event as CoreEvent) },
});
