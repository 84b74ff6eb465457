import { badRequestError, type FieldError, type FieldMatcher, forbidden, goQuote, invalidError, type LabelMatcher, notSupported, parseFieldSelector, parseLabelSelector } from '@pilothouse/apimachinery';
import type { CachedObject } from '../cache/cached-object.ts';
import type { ExactTerm } from '../cache/value-index.ts';
import type { Selection } from '../cache/watcher.ts';
import type { ServedResource } from '../registry.ts';
import { isTrue, type RequestInfo } from '../request/info.ts';
import { viewOf } from './view.ts';

export interface ListOptions {
  labels: LabelMatcher | undefined;
  fields: FieldMatcher | undefined;
  limit: number;
  continueToken: string;
  resourceVersion: string;
  resourceVersionMatch: string;
  timeoutSeconds: number | undefined;
  allowWatchBookmarks: boolean;
  sendInitialEvents: boolean | undefined;
}

const largestInt64 = 2n ** 63n - 1n;

/** A number in a query string; undefined where there is none. @throws StatusError 400 as Go's parser words it */
export function parseInt64(text: string | null): number | undefined {
  if (text === null) return undefined;
  if (!/^[+-]?\d+$/.test(text)) throw badRequestError(`strconv.ParseInt: parsing ${goQuote(text)}: invalid syntax`);
  const value = BigInt(text);
  if (value > largestInt64 || value < -largestInt64 - 1n) throw badRequestError(`strconv.ParseInt: parsing ${goQuote(text)}: value out of range`);
  return Number(value);
}

/** What is wrong with a resourceVersion, as Go's parser says it; undefined: nothing. */
export function revisionProblem(text: string): string | undefined {
  if (text === '') return undefined;
  const why = !/^\d+$/.test(text) ? 'invalid syntax' : BigInt(text) >= 2n ** 64n ? 'value out of range' : '';
  return why && `strconv.ParseUint: parsing ${goQuote(text)}: ${why}`;
}

/** The same about a resourceVersion that is a parameter. */
export function revisionFault(text: string): string | undefined {
  const problem = revisionProblem(text);
  return problem && `resourceVersion: Invalid value: ${goQuote(text)}: ${problem}`;
}

/** Reads and checks the query of a list or watch. @throws StatusError 400, 422 */
export function listOptions(resource: ServedResource, { query, name }: RequestInfo, watch: boolean): ListOptions {
  const text = (option: string): string => query.get(option) ?? '';
  const sendInitialEvents = query.get('sendInitialEvents');
  // Numbers are read before selectors are: the first that is wrong is reported.
  const timeoutSeconds = parseInt64(query.get('timeoutSeconds'));
  const limit = parseInt64(query.get('limit')) ?? 0;
  const labelText = text('labelSelector');
  const fieldText = text('fieldSelector');
  const options: ListOptions = {
    labels: labelText ? parseLabelSelector(labelText) : undefined,
    fields: fieldText ? parseFieldSelector(fieldText) : undefined,
    limit,
    continueToken: text('continue'),
    resourceVersion: text('resourceVersion'),
    resourceVersionMatch: text('resourceVersionMatch'),
    timeoutSeconds,
    allowWatchBookmarks: isTrue(query.get('allowWatchBookmarks')),
    sendInitialEvents: sendInitialEvents === null ? undefined : isTrue(sendInitialEvents),
  };
  if (watch) beginWithState(options);
  const errors = validateListOptions(options, watch);
  if (errors.length) throw invalidError({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
  const { fields } = options;
  for (const { field } of fields?.requirements ?? []) checkField(resource, field);
  if (name && fields && !fields.everything && fields.exactValue('metadata.name') !== name) throw badRequestError("fieldSelector metadata.name doesn't match requested name");
  return options;
}

/** A watch from nowhere in particular begins with what there is, as one that asks for that. */
function beginWithState(options: ListOptions): void {
  if (options.sendInitialEvents !== undefined || options.resourceVersionMatch || (options.resourceVersion !== '' && options.resourceVersion !== '0')) return;
  options.sendInitialEvents = true;
  options.resourceVersionMatch = 'NotOlderThan';
}

function checkField(resource: ServedResource, field: string): void {
  const fields = resource.definition.selectableFields;
  // Cluster-wide kinds that say which fields they have, have no namespace.
  const namespace = resource.definition.type.namespaced || !(Object.keys(fields).length || resource.definition.fieldLabelError);
  if (field === 'metadata.name' || (field === 'metadata.namespace' && namespace) || Object.hasOwn(fields, field)) return;
  const custom = resource.definition.fieldLabelError?.(field);
  if (custom) throw badRequestError(custom);
  if (!Object.keys(fields).length) throw badRequestError(`${goQuote(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`);
  throw badRequestError(`field label not supported: ${field}`);
}

function validateListOptions(o: ListOptions, watch: boolean): FieldError[] {
  return watch ? validateWatchOptions(o) : validatePlainListOptions(o);
}

function validatePlainListOptions(o: ListOptions): FieldError[] {
  const errors: FieldError[] = [];
  const match = o.resourceVersionMatch;
  const noInitialEvents = (): FieldError[] => (o.sendInitialEvents === undefined ? [] : [forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list')]);
  if (!match) return noInitialEvents();
  if (o.resourceVersion === '') errors.push(forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
  if (o.continueToken) errors.push(forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'));
  if (match !== 'Exact' && match !== 'NotOlderThan') errors.push(notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']));
  if (match === 'Exact' && o.resourceVersion === '0') errors.push(forbidden('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  return [...errors, ...noInitialEvents()];
}

function validateWatchOptions(o: ListOptions): FieldError[] {
  const errors: FieldError[] = [];
  const match = o.resourceVersionMatch;
  if (o.sendInitialEvents !== undefined && match !== 'NotOlderThan') errors.push(forbidden('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  if (match) {
    if (o.sendInitialEvents === undefined) errors.push(forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'));
    if (match !== 'NotOlderThan') errors.push(notSupported('resourceVersionMatch', match, ['NotOlderThan']));
    if (o.continueToken) errors.push(forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'));
  }
  return errors;
}

/** The selection that a list or watch is about; a name in the path narrows it as a field selector would. */
export function selectionOf(resource: ServedResource, info: RequestInfo, options: ListOptions): { selection: Selection; trigger: string | undefined } {
  const { labels, fields } = options;
  const { definition } = resource;
  const namespaceWanted = fields?.exactValue('metadata.namespace');
  const namespace = definition.type.namespaced ? info.namespace || (namespaceWanted ?? '') : '';
  const name = (info.parts[1] ?? '') || (fields?.exactValue('metadata.name') ?? '');
  const tests: ((entry: CachedObject) => boolean)[] = [];
  if (labels && !labels.everything) tests.push((entry) => labels.matches(entry.labels));
  if (fields && !fields.everything) {
    // What another server has to be asked for cannot be looked at in passing.
    if (resource.conversion?.remote && fields.requirements.some(({ field }) => !field.startsWith('metadata.'))) throw badRequestError('field selectors other than metadata.name and metadata.namespace are not supported for objects that a webhook converts');
    const sameVersion = !resource.conversion;
    const read = (entry: CachedObject, field: string): string => (field === 'metadata.name' ? entry.name : field === 'metadata.namespace' ? entry.namespace : sameVersion ? (entry.field(field) ?? '') : (definition.selectableFields[field]?.(viewOf(resource, entry).object) ?? ''));
    tests.push((entry) => fields.matches((field) => read(entry, field)));
  }
  const matches = tests.length === 0 ? undefined : tests.length === 1 ? tests[0] : (entry: CachedObject) => tests[0](entry) && tests[1](entry);
  const exact = exactTerm(resource, options);
  return { selection: { namespace, name, ...(matches && { matches }), ...(exact && { exact }) }, trigger: resource.conversion || !resource.stored?.trigger ? undefined : fields?.exactValue(resource.stored.trigger) };
}

/** A term of the selectors that the cache's index can answer. */
function exactTerm(resource: ServedResource, { labels, fields }: ListOptions): ExactTerm | undefined {
  for (const { key, operator, values } of labels?.requirements ?? []) {
    if (operator === '=' || operator === '==' || operator === 'in') return { kind: 'label', name: key, values: [...new Set(values)] };
  }
  if (resource.conversion) return undefined;
  for (const { field } of fields?.requirements ?? []) {
    const value = field.startsWith('metadata.') ? undefined : fields!.exactValue(field);
    if (value !== undefined) return { kind: 'field', name: field, values: [value] };
  }
  return undefined;
}

/** @throws StatusError 400 for a resourceVersion that is none */
export function checkListRevision(text: string): void {
  const problem = revisionFault(text);
  if (problem) throw badRequestError(`invalid resource version: ${problem}`);
}

