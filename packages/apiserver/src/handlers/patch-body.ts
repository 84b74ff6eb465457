/** Bodies of JSON, merge and strategic merge patches: how they are read, applied and quoted in errors. */
import type { TypeSchema } from '@pilothouse/api-schemas';
import { applyJsonPatch, applyMergePatch, applyStrategicMergePatch, badRequestError, goFormat, jsonKind, jsonPatchText, type KubeObject, mergePatchedText, parseJsonStrict, readJsonPatch } from '@pilothouse/apimachinery';
import { messageOf } from '@pilothouse/base';
import type { ObjectCodec } from '../contract.ts';
import type { WriteOptions } from '../request/write-options.ts';
import type { Call } from './call.ts';
import type { PatchType } from './patch.ts';

type Document = KubeObject & Record<string, unknown>;

export interface PatchBody {
  /** What strict validation has against the patch itself. */
  findings: readonly string[];
  /** Makes the patched value; the document is left as it is. @throws StatusError */
  apply(document: Document): unknown;
  /** What an error about the patched document quotes: the document, or for strategic patches the patch. */
  shown(document: Document): string;
}

/** @throws StatusError 400 */
export function readPatch(call: Call, type: Exclude<PatchType, 'apply'>, { fieldValidation }: WriteOptions, { codec, schema }: { codec: ObjectCodec; schema: TypeSchema | undefined }): PatchBody {
  const strict = fieldValidation !== 'Ignore';
  const { value, duplicateFields } = parse(call, type, strict);
  if (type === 'json') {
    const { operations, strictErrors } = readJsonPatch(value, { strict });
    return { findings: strict ? [...duplicateFields, ...strictErrors].map((text) => `json patch ${text}`) : [], apply: (document) => applyJsonPatch(document, operations), shown: (document) => jsonPatchText(inOrder(codec, document), operations) };
  }
  const findings = strict ? duplicateFields : [];
  if (type === 'merge') return { findings, apply: (document) => (Array.isArray(value) && !strict ? value : applyMergePatch(document, value)), shown: (document) => mergePatchedText(inOrder(codec, document), value) };
  return { findings, apply: (document) => applyStrategicMergePatch(document, value, schema!), shown: () => goFormat(value) };
}

/** The document with its fields as they are encoded. */
const inOrder = (codec: ObjectCodec, document: Document): Document => codec.decode(document).object as Document;

function parse({ request }: Call, type: PatchType, strict: boolean): { value: unknown; duplicateFields: readonly string[] } {
  if (request.bodyObject !== undefined) return { value: request.bodyObject, duplicateFields: [] };
  const bytes = request.body ?? new Uint8Array();
  try {
    const parsed = strict ? parseJsonStrict(bytes) : { ...parseJsonStrict(bytes), duplicateFields: [] };
    if ('tooLarge' in parsed) throw new SyntaxError(`json: cannot unmarshal number ${parsed.tooLarge} into Go value of type float64`);
    // Where nothing is checked, the patch library is the first to read a merge patch.
    if (type === 'merge' && !strict && jsonKind(parsed.value) !== 'object' && jsonKind(parsed.value) !== 'array') throw notJsonPatch;
    return parsed;
  } catch (error) {
    if (type === 'merge' && !strict) throw badRequestError(notJsonPatch.message);
    throw badRequestError(type === 'strategic' || !strict ? messageOf(error) : `error decoding patch: ${messageOf(error)}`);
  }
}

const notJsonPatch = new Error('Invalid JSON Patch');
