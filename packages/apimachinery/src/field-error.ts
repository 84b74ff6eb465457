import { goJson, goQuote } from './go-format.ts';

/** The path of findings that are about the whole object, where upstream makes it of an empty name. */
export const unnamedPath = '[]';

/** One finding of validation, as `k8s.io/apimachinery/pkg/util/validation/field` reports it. */
export interface FieldError {
  /** The cause's reason, as `causes[].reason` shows it. */
  reason: 'FieldValueNotFound' | 'FieldValueRequired' | 'FieldValueDuplicate' | 'FieldValueInvalid' | 'FieldValueNotSupported' | 'FieldValueForbidden' | 'FieldValueTooLong' | 'FieldValueTooMany' | 'FieldValueTypeInvalid' | 'InternalError';
  /** `spec.containers[0].name`; keys of maps in brackets: `metadata.labels[app]` is not how labels report, see each rule. */
  field: string;
  /** The whole message without the field: `Invalid value: "x": must be …`. */
  message: string;
}

/** A bad value inside a message: strings as Go quotes them, the rest as Go's JSON. Structs come in their Go form already. */
const renderValue = (value: unknown): string => (typeof value === 'string' ? goQuote(value) : goJson(value));

export const invalid = (field: string, value: unknown, detail: string): FieldError => ({ reason: 'FieldValueInvalid', field, message: `Invalid value: ${renderValue(value)}${detail ? `: ${detail}` : ''}` });
export const required = (field: string, detail = ''): FieldError => ({ reason: 'FieldValueRequired', field, message: `Required value${detail ? `: ${detail}` : ''}` });
export const duplicate = (field: string, value: unknown): FieldError => ({ reason: 'FieldValueDuplicate', field, message: `Duplicate value: ${renderValue(value)}` });
export const forbidden = (field: string, detail: string): FieldError => ({ reason: 'FieldValueForbidden', field, message: `Forbidden: ${detail}` });
export const notFound = (field: string, value: unknown): FieldError => ({ reason: 'FieldValueNotFound', field, message: `Not found: ${renderValue(value)}` });
export const notSupported = (field: string, value: unknown, supported: readonly string[]): FieldError => ({ reason: 'FieldValueNotSupported', field, message: `Unsupported value: ${renderValue(value)}${supported.length ? `: supported values: ${supported.map(goQuote).join(', ')}` : ''}` });
/** `max` in bytes. */
export const tooLong = (field: string, max: number): FieldError => ({ reason: 'FieldValueTooLong', field, message: `Too long: may not be more than ${max} ${max === 1 ? 'byte' : 'bytes'}` });
export const tooMany = (field: string, actual: number, max: number): FieldError => ({ reason: 'FieldValueTooMany', field, message: `Too many: ${actual}: must have at most ${max} ${max === 1 ? 'item' : 'items'}` });
export const typeInvalid = (field: string, value: unknown, detail: string): FieldError => ({ reason: 'FieldValueTypeInvalid', field, message: `Invalid value: ${renderValue(value)}: ${detail}` });
