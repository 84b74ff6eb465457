/** Which types fit where: unification over the type parameters that a check makes up as it goes. */
import { dynType, isDynOrError, isOptional, sameType, Type } from '../types.ts';

const nullable = new Set(['opaque', 'struct', 'timestamp', 'duration']);

function lessOrEquallySpecific(a: Type, b: Type): boolean {
  if (a.kind === 'dyn' || a.kind === 'param') return true;
  if (b.kind === 'dyn' || b.kind === 'param') return false;
  if (a.kind !== b.kind) return false;
  switch (a.kind) {
    case 'opaque':
      return a.name === b.name && a.params.length === b.params.length && a.params.every((param, i) => lessOrEquallySpecific(param, b.params[i]));
    case 'list':
    case 'map':
      return a.params.every((param, i) => lessOrEquallySpecific(param, b.params[i]));
    case 'type':
      return true;
    default:
      return sameType(a, b);
  }
}
export const mostGeneral = (a: Type, b: Type): Type => (lessOrEquallySpecific(a, b) ? a : b);

/** What each type parameter stands for so far. Failed attempts leave no trace. */
export class Bindings {
  #bound = new Map<string, Type>();
  #count = 0;

  /** A new type parameter. */
  fresh(): Type {
    return new Type('param', `_var${this.#count++}`);
  }

  assignable(to: Type, from: Type): boolean {
    const before = this.#bound;
    this.#bound = new Map(before);
    if (this.#fits(to, from)) return true;
    this.#bound = before;
    return false;
  }

  allAssignable(to: readonly Type[], from: readonly Type[]): boolean {
    const before = this.#bound;
    this.#bound = new Map(before);
    if (this.#allFit(to, from)) return true;
    this.#bound = before;
    return false;
  }

  #find(type: Type): Type | undefined {
    return type.kind === 'param' ? this.#bound.get(type.name) : undefined;
  }

  #allFit(to: readonly Type[], from: readonly Type[]): boolean {
    return to.length === from.length && to.every((type, i) => this.#fits(type, from[i]));
  }

  #fits(a: Type, b: Type): boolean {
    if (b.kind === 'param') {
      const { valid, bound } = this.#substitutable(a, b);
      if (valid) return true;
      if (bound) return false;
    }
    if (a.kind === 'param') return this.#substitutable(b, a).valid;
    if (isDynOrError(a) || isDynOrError(b)) return true;
    if (a.kind === 'null') return b.kind === 'null' || nullable.has(b.kind);
    if (b.kind === 'null') return nullable.has(a.kind);
    switch (a.kind) {
      case 'type':
        return b.kind === 'type';
      case 'opaque':
      case 'list':
      case 'map':
        return a.kind === b.kind && a.name === b.name && this.#allFit(a.params, b.params);
      default:
        return sameType(a, b);
    }
  }

  #substitutable(type: Type, param: Type): { valid: boolean; bound: boolean } {
    if (sameType(type, param)) return { valid: true, bound: true };
    const known = this.#find(param);
    if (!known) {
      if (!this.#free(param, type)) return { valid: false, bound: false };
      this.#bound.set(param.name, type);
      return { valid: true, bound: false };
    }
    if (sameType(type, known)) return { valid: true, bound: true };
    if (!this.#fits(type, known)) return { valid: false, bound: true };
    const general = mostGeneral(type, known);
    if (this.#free(param, general)) this.#bound.set(param.name, general);
    return { valid: true, bound: true };
  }

  /** Whether a parameter does not occur in a type. */
  #free(param: Type, within: Type): boolean {
    if (sameType(param, within)) return false;
    if (within.kind === 'param') {
      const known = this.#find(within);
      return !known || this.#free(param, known);
    }
    return within.params.every((inner) => this.#free(param, inner));
  }

  /** The type with what is known put in. `final`: what is still free becomes dyn. */
  resolve(type: Type, final = false): Type {
    const known = this.#find(type);
    if (known) return this.resolve(known, final);
    if (final && type.kind === 'param') return dynType;
    if (!type.params.length) return type;
    return withParams(type, type.params.map((param) => this.resolve(param, final)));
  }
}

const withParams = (type: Type, params: Type[]): Type => new Type(type.kind, type.name, params);

/** The type with its declared parameters replaced. */
export function instantiate(type: Type, fresh: ReadonlyMap<string, Type>): Type {
  if (type.kind === 'param') return fresh.get(type.name) ?? type;
  return type.params.length ? withParams(type, type.params.map((param) => instantiate(param, fresh))) : type;
}

/** The type inside an optional, and whether it was one. */
export const unwrapOptional = (type: Type): { type: Type; optional: boolean } => (isOptional(type) ? { type: type.params[0], optional: true } : { type, optional: false });
