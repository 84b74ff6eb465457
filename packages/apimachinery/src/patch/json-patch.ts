/**
 * JSON Patch (RFC 6902) with the liberties of the library that kube-apiserver uses: `replace` of a missing key adds it,
 * negative indices count from the end, a missing `value` is null. Facts: evanphx/json-patch v4, apiserver's patch handler.
 */
import { jsonKind } from '../go-format.ts';
import { badRequestError, tooLargeError } from '../status.ts';
import { byteLength } from '../validation/names.ts';
import { unprocessablePatch } from './patch-error.ts';
import { jsonPatchedText } from './patched-text.ts';

export const maxJsonPatchOperations = 10_000;
/** What `copy` operations of one patch may add, in bytes. */
export const maxJsonPatchCopyBytes = 3 * 1024 * 1024;

export interface JsonPatchOperation {
  op?: string;
  path?: string;
  from?: string;
  value?: unknown;
}

type Container = Record<string, unknown> | unknown[];
const isContainer = (value: unknown): value is Container => typeof value === 'object' && value !== null;
const goOperation = 'handlers.jsonPatchOp';
const known = ['op', 'path', 'from', 'value'];

/**
 * Checks the parsed body of a request. `strict` is set unless fieldValidation is Ignore; it finds the fields that no
 * operation has: `unknown field "[0].foo"`. @throws StatusError 400 for a body of another shape, 413 for too many operations
 */
export function readJsonPatch(body: unknown, { strict = true } = {}): { operations: JsonPatchOperation[]; strictErrors: string[] } {
  const prefix = strict ? 'error decoding patch: ' : '';
  if (body === null) return { operations: [], strictErrors: [] };
  if (!Array.isArray(body)) throw badRequestError(`${prefix}json: cannot unmarshal ${jsonKind(body)} into Go value of type ${strict ? `[]${goOperation}` : 'jsonpatch.Patch'}`);
  const strictErrors: string[] = [];
  const operations = body.map((operation: unknown, i): JsonPatchOperation => {
    if (operation === null) return {};
    if (!isContainer(operation) || Array.isArray(operation)) throw badRequestError(`${prefix}json: cannot unmarshal ${jsonKind(operation)} into Go value of type ${strict ? goOperation : 'jsonpatch.Operation'}`);
    if (strict) {
      for (const name of ['op', 'path', 'from'])
        if (Object.hasOwn(operation, name) && typeof operation[name] !== 'string' && operation[name] !== null)
          throw badRequestError(`${prefix}json: cannot unmarshal ${jsonKind(operation[name])} into Go struct field jsonPatchOp.${name} of type string`);
      for (const key of Object.keys(operation)) if (!known.includes(key)) strictErrors.push(`unknown field "[${i}].${key}"`);
    }
    return operation as JsonPatchOperation;
  });
  if (operations.length > maxJsonPatchOperations) throw tooLargeError(`The allowed maximum operations in a JSON patch is ${maxJsonPatchOperations}, got ${operations.length}`);
  return { operations, strictErrors };
}

/** The patched document; the given one is left as it is and shares unchanged parts. @throws StatusError 422 */
export const applyJsonPatch = (document: unknown, operations: readonly JsonPatchOperation[]): unknown => edited(document, operations).root.doc;

/** The patched document as errors about it quote it. @throws StatusError 422 */
export function jsonPatchText(document: unknown, operations: readonly JsonPatchOperation[]): string {
  const editor = edited(document, operations);
  return jsonPatchedText(editor.root.doc, (container) => container === editor.root.doc || editor.owns(container));
}

function edited(document: unknown, operations: readonly JsonPatchOperation[]): Editor {
  const editor = new Editor({ doc: document });
  for (const operation of operations) apply(editor, operation);
  return editor;
}

const missing = 'missing value';
const refuse = (message: string): never => {
  throw unprocessablePatch(message);
};

function apply(editor: Editor, operation: JsonPatchOperation): void {
  const { op, value = null } = operation;
  const path = (): string => (typeof operation.path === 'string' ? operation.path : refuse(`${op} operation failed to decode path: ${missing}`));
  const from = (): string => (typeof operation.from === 'string' ? operation.from : refuse(`${op} operation failed to decode from: ${missing}`));
  switch (op) {
    case 'add':
      add(editor, 'add', path(), value);
      break;
    case 'remove': {
      const at = editor.find(path()) ?? refuse(`remove operation does not apply: doc is missing path: "${path()}": ${missing}`);
      remove(at, 'remove', path());
      break;
    }
    case 'replace': {
      if (path() === '') {
        if (!isContainer(value)) refuse('replace operation value must be object or array');
        editor.replaceRoot(value);
        break;
      }
      const at = editor.find(path()) ?? refuse(`replace operation does not apply: doc is missing path: ${path()}: ${missing}`);
      if (Array.isArray(at.container)) at.container[elementIndex(at, `replace operation does not apply: doc is missing key: ${path()}`)] = value;
      else setKey(at.container, at.key, value);
      break;
    }
    case 'move': {
      const at = editor.find(from()) ?? refuse(`move operation does not apply: doc is missing from path: ${from()}: ${missing}`);
      const moved = get(at, `error in move for path: '${at.key}'`);
      remove(at, 'move', from());
      add(editor, 'move', path(), moved);
      break;
    }
    case 'copy': {
      const at = editor.find(from()) ?? refuse(`copy operation does not apply: doc is missing from path: ${from()}: ${missing}`);
      const copied = get(at, `error in copy for from: '${from()}'`) ?? null;
      editor.copied += byteLength(JSON.stringify(copied));
      if (editor.copied > maxJsonPatchCopyBytes) refuse(`Unable to complete the copy, the accumulated size increase of copy is ${editor.copied}, exceeding the limit ${maxJsonPatchCopyBytes}`);
      // Not owned by the editor: a later operation on either place copies before it writes.
      editor.disown(copied);
      add(editor, 'copy', path(), copied);
      break;
    }
    case 'test': {
      if (!equalJson(valueAt(editor, path()), value)) refuse(`testing value ${path()} failed: test failed`);
      break;
    }
    default:
      refuse(`Unexpected kind: ${typeof op === 'string' ? op : 'unknown'}`);
  }
}

function valueAt(editor: Editor, path: string): unknown {
  if (path === '') return editor.root.doc;
  const at = editor.find(path) ?? refuse(`test operation does not apply: is missing path: ${path}: ${missing}`);
  return get(at, `error in test for path: '${path}'`) ?? null;
}

interface Place {
  container: Container;
  key: string;
}

/** Finds places in the document and copies each container on the way once, before it is written to. */
class Editor {
  readonly root: { doc: unknown };
  copied = 0;
  #owned = new WeakSet<object>();
  constructor(root: { doc: unknown }) {
    this.root = root;
  }
  replaceRoot(doc: unknown): void {
    this.root.doc = doc;
  }
  disown(value: unknown): void {
    if (!isContainer(value)) return;
    this.#owned.delete(value);
    for (const child of Object.values(value)) this.disown(child);
  }
  owns(container: object): boolean {
    return this.#owned.has(container);
  }
  #own<T extends Container>(container: T): T {
    if (this.#owned.has(container)) return container;
    const copy = (Array.isArray(container) ? [...container] : { ...container }) as T;
    this.#owned.add(copy);
    return copy;
  }
  /** The container and last key that a pointer names; undefined where the way there does not exist. */
  find(pointer: string): Place | undefined {
    const parts = pointer.split('/');
    if (parts.length < 2 || !isContainer(this.root.doc)) return undefined;
    let container = this.#own(this.root.doc);
    this.root.doc = container;
    for (const part of parts.slice(1, -1)) {
      const key = unescapePointer(part);
      const index = Array.isArray(container) ? arrayIndex(container, key, container.length - 1) : key;
      if (index === undefined || !Object.hasOwn(container, index)) return undefined;
      const next = (container as Record<string | number, unknown>)[index];
      if (!isContainer(next)) return undefined;
      const owned = this.#own(next);
      (container as Record<string | number, unknown>)[index] = owned;
      container = owned;
    }
    return { container, key: unescapePointer(parts.at(-1) as string) };
  }
}

const unescapePointer = (part: string): string => (part.includes('~') ? part.replace(/~[01]/g, (sequence) => (sequence === '~1' ? '/' : '~')) : part);

/** Go's Atoi, with negative numbers counting from the end; undefined where out of 0…max. */
function arrayIndex(list: unknown[], key: string, max: number): number | undefined {
  if (!/^[+-]?[0-9]+$/.test(key)) return undefined;
  const number = Number(key);
  const index = number < 0 ? number + max + 1 : number;
  return index < 0 || index > max || (number < 0 && -number > list.length + (max === list.length ? 1 : 0)) ? undefined : index;
}
const elementIndex = (at: Place, context: string): number => arrayIndex(at.container as unknown[], at.key, (at.container as unknown[]).length - 1) ?? refuse(`${context}: Unable to access invalid index: ${at.key}`);

function setKey(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}

function get({ container, key }: Place, context: string): unknown {
  if (Array.isArray(container)) return container[elementIndex({ container, key }, context)];
  return Object.hasOwn(container, key) ? container[key] : undefined;
}

function add(editor: Editor, op: string, path: string, value: unknown): void {
  const at = editor.find(path) ?? refuse(`${op} operation does not apply: doc is missing ${op === 'add' ? '' : 'destination '}path: "${path}": ${missing}`);
  const { container, key } = at;
  if (!Array.isArray(container)) setKey(container, key, value);
  else if (key === '-') container.push(value);
  else container.splice(arrayIndex(container, key, container.length) ?? refuse(`error in ${op} for path: '${path}': Unable to access invalid index: ${key}`), 0, value);
}

function remove(at: Place, op: string, path: string): void {
  const { container, key } = at;
  if (Array.isArray(container)) {
    container.splice(elementIndex(at, `error in ${op} for path: '${path}'`), 1);
    return;
  }
  if (!Object.hasOwn(container, key)) refuse(`error in ${op} for path: '${path}': Unable to remove nonexistent key: ${key}: ${missing}`);
  delete container[key];
}

/** Equality of JSON values; the order of keys does not count. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!isContainer(a) || !isContainer(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && equalJson((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]));
}
