/** What is wrong with a value, as kube-openapi words it and as the API reports it. */
import { type FieldError, invalid, notSupported, required, tooLong, tooMany, typeInvalid } from '../field-error.ts';

/** A finding about a value; its field is told from the path once the caller says where the root is. */
export interface Finding {
  /** Undefined: the finding is about no field in particular. */
  path: string | undefined;
  report(field: string): FieldError;
}

const about = (path: string, report: (field: string) => FieldError): Finding => ({ path, report });
const named = (path: string, text: string): string => `${path} in body ${text}`;

export const findings = {
  type: (path: string, wanted: string, found: string): Finding => about(path, (field) => typeInvalid(field, found, `${named(path, `must be of type ${wanted}`)}: ${JSON.stringify(found)}`)),
  required: (path: string): Finding => about(path, (field) => required(field)),
  enum: (path: string, value: unknown, values: readonly unknown[]): Finding => about(path, (field) => notSupported(field, value, values.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))))),
  tooLong: (path: string, max: number, _value: string): Finding => about(path, (field) => tooLong(field, max)),
  tooShort: (path: string, min: number, value: string): Finding => about(path, (field) => invalid(field, value, named(path, `should be at least ${min} chars long`))),
  pattern: (path: string, pattern: string, value: string): Finding => about(path, (field) => invalid(field, value, named(path, `should match '${pattern}'`))),
  multipleOf: (path: string, factor: number, value: number | bigint): Finding => about(path, (field) => invalid(field, value, named(path, `should be a multiple of ${factor}`))),
  notPositive: (path: string, factor: number): Finding => about(path, (field) => invalid(field, factor, `factor MultipleOf declared for ${path} must be positive: ${factor}`)),
  maximum: (path: string, max: number, exclusive: boolean, value: number | bigint): Finding => about(path, (field) => invalid(field, value, named(path, `should be less than ${exclusive ? '' : 'or equal to '}${max}`))),
  minimum: (path: string, min: number, exclusive: boolean, value: number | bigint): Finding => about(path, (field) => invalid(field, value, named(path, `should be greater than ${exclusive ? '' : 'or equal to '}${min}`))),
  tooFewItems: (path: string, min: number, count: number): Finding => about(path, (field) => invalid(field, count, named(path, `should have at least ${min} items`))),
  tooManyItems: (path: string, max: number, count: number): Finding => about(path, (field) => tooMany(field, count, max)),
  duplicates: (path: string): Finding => about(path, (field) => invalid(field, '', named(path, "shouldn't contain duplicates"))),
  tooFewProperties: (path: string, min: number, count: number): Finding => about(path, (field) => invalid(field, count, named(path, `should have at least ${min} properties`))),
  tooManyProperties: (path: string, max: number, count: number): Finding => about(path, (field) => tooMany(field, count, max)),
  notAllowed: (path: string, key: string): Finding => about(path, (field) => invalid(field, key, `${path}.${key} in body is a forbidden property`)),
  /** About no field in particular. */
  plain: (message: string): Finding => ({ path: undefined, report: (field) => invalid(field, '', message) }),
};

/** Findings as field errors, below `root` ('' for the object itself, `status`). */
export function fieldErrors(found: readonly Finding[], root = ''): FieldError[] {
  return found.map(({ path, report }) => {
    const below = path === undefined || path === '.' ? '' : path.replace(/^\./, '');
    return report(root && below ? `${root}.${below}` : root || below || '<nil>');
  });
}
