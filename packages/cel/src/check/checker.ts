/** Gives every expression its type and every name its meaning, or says what is wrong in cel-go's words. */
import { childrenOf, type Call, type Comprehension, type Expr, type ListExpr, type MapExpr, qualifiedName, type Select, type StructExpr } from '../syntax/ast.ts';
import type { Issue } from '../syntax/source.ts';
import { boolType, bytesType, doubleType, dynType, errorType, formatType, intType, isDynOrError, listOf, mapOf, nullType, optionalOf, sameType, stringType, structOf, type Type, typeOf, uintType } from '../types.ts';
import { isInt, Uint, Double } from '../eval/values.ts';
import { Bindings, instantiate, mostGeneral, unwrapOptional } from './assign.ts';
import type { Environment, FunctionDecl, Overload } from './declarations.ts';

type Scope = Map<string, Type>;

function literalType(value: unknown): Type {
  switch (typeof value) {
    case 'boolean':
      return boolType;
    case 'string':
      return stringType;
    default:
  }
  if (isInt(value as number)) return intType;
  if (value instanceof Uint) return uintType;
  if (value instanceof Double) return doubleType;
  return value === null ? nullType : bytesType;
}

const paramNames = (type: Type): string[] => (type.kind === 'param' ? [type.name] : type.params.flatMap(paramNames));
/** Overloads' own type parameters, found once. */
const parametersOf = new WeakMap<Overload, string[]>();
function parameters(overload: Overload): string[] {
  let names = parametersOf.get(overload);
  if (!names) parametersOf.set(overload, (names = [...new Set([...overload.args, overload.result].flatMap(paramNames))]));
  return names;
}

class Checker {
  readonly issues: Issue[] = [];
  readonly #env: Environment;
  readonly #bindings = new Bindings();
  readonly #scopes: Scope[] = [];

  constructor(env: Environment) {
    this.#env = env;
  }

  #fault(offset: number, message: string): Type {
    this.issues.push({ offset, message });
    return errorType;
  }
  #mismatch(at: { offset: number }, expected: Type, found: Type): void {
    this.#fault(at.offset, `expected type '${formatType(expected)}' but found '${formatType(found)}'`);
  }
  #undeclared(offset: number, name: string): Type {
    return this.#fault(offset, `undeclared reference to '${name}' (in container '')`);
  }
  #assert(expr: Expr, wanted: Type): void {
    if (!this.#bindings.assignable(wanted, expr.type!)) this.#mismatch(expr, wanted, expr.type!);
  }

  check(expr: Expr): Type {
    expr.type = this.#typeOf(expr);
    return expr.type;
  }

  #typeOf(expr: Expr): Type {
    switch (expr.kind) {
      case 'literal':
        return literalType(expr.value);
      case 'ident':
        return this.#ident(expr);
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return this.#list(expr);
      case 'map':
        return this.#map(expr);
      case 'struct':
        return this.#struct(expr);
      case 'comprehension':
        return this.#comprehension(expr);
      default:
        return errorType;
    }
  }

  #local(name: string): Type | undefined {
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const type = this.#scopes[i].get(name);
      if (type) return type;
    }
    return undefined;
  }

  /** A variable, or a type by its name. */
  #global(name: string): { type: Type; constant?: Type } | undefined {
    const variable = this.#env.variables.get(name);
    if (variable) return { type: variable };
    const known = this.#env.types.get(name);
    if (known) return { type: typeOf(known), constant: known };
    if (!this.#env.provider.hasStruct(name)) return undefined;
    const struct = structOf(name);
    return { type: typeOf(struct), constant: struct };
  }

  #ident(expr: Expr & { kind: 'ident' }): Type {
    const local = this.#local(expr.name);
    if (local) return local;
    const name = expr.name.replace(/^\./, '');
    const global = this.#global(name);
    if (!global) return this.#undeclared(expr.offset, expr.name);
    // A leading dot stays where a local name would hide the global one.
    expr.name = this.#local(name) ? `.${name}` : name;
    if (global.constant) expr.constant = global.constant;
    return global.type;
  }

  #select(expr: Select): Type {
    if (!expr.testOnly) {
      const name = qualifiedName(expr);
      if (name && !this.#local(name.split('.')[0])) {
        const global = this.#global(name.replace(/^\./, ''));
        if (global) {
          Object.assign(expr, { kind: 'ident', name: name.replace(/^\./, ''), ...(global.constant && { constant: global.constant }) });
          return global.type;
        }
      }
    }
    const type = this.#field(expr, expr.operand, expr.field, false);
    return expr.testOnly ? boolType : this.#bindings.resolve(type);
  }

  #field(at: Expr, operand: Expr, field: string, optional: boolean): Type {
    const { type: target, optional: already } = unwrapOptional(this.#bindings.resolve(this.check(operand)));
    let result: Type = dynType;
    if (target.kind === 'map') result = target.params[1];
    else if (target.kind === 'struct') result = this.#structField(at.offset, target.name, field) ?? errorType;
    else if (target.kind === 'param') this.#bindings.assignable(dynType, target);
    else if (!isDynOrError(target)) this.#fault(at.offset, `type '${formatType(target)}' does not support field selection`);
    return already || optional ? optionalOf(result) : result;
  }

  #structField(offset: number, struct: string, field: string): Type | undefined {
    if (!this.#env.provider.hasStruct(struct)) {
      this.#fault(offset, `unexpected failed resolution of '${struct}'`);
      return undefined;
    }
    const type = this.#env.provider.fieldType(struct, field);
    if (!type) this.#fault(offset, `undefined field '${field}'`);
    return type;
  }

  #call(expr: Call): Type {
    if (expr.name === '_?._') {
      const [operand, field] = expr.args;
      expr.overloads = ['select_optional_field'];
      const type = this.#field(expr, operand, (field as { value: string }).value, true);
      field.type = stringType;
      return this.#bindings.resolve(type);
    }
    for (const arg of expr.args) this.check(arg);
    if (!expr.target) {
      const declared = this.#env.functions.get(expr.name.replace(/^\./, ''));
      if (!declared) return this.#undeclared(expr.offset, expr.name);
      expr.name = declared.name;
      return this.#resolve(expr, declared, undefined);
    }
    const prefix = qualifiedName(expr.target);
    const namespaced = prefix === undefined ? undefined : this.#env.functions.get(`${prefix.replace(/^\./, '')}.${expr.name}`);
    if (namespaced) {
      expr.name = namespaced.name;
      delete expr.target;
      return this.#resolve(expr, namespaced, undefined);
    }
    this.check(expr.target);
    const declared = this.#env.functions.get(expr.name);
    if (!declared) return this.#undeclared(expr.offset, expr.name);
    return this.#resolve(expr, declared, expr.target);
  }

  #resolve(expr: Call, { name, overloads }: FunctionDecl, target: Expr | undefined): Type {
    const args = target ? [target, ...expr.args] : expr.args;
    const types = args.map((arg) => arg.type!);
    if (name === '_&&_' || name === '_||_') {
      expr.overloads = [overloads[0].id];
      let wrong = false;
      args.forEach((arg) => {
        if (this.#bindings.assignable(arg.type!, boolType)) return;
        this.#mismatch(arg, boolType, arg.type!);
        wrong = true;
      });
      return wrong ? errorType : boolType;
    }
    let result: Type | undefined;
    const fitting: string[] = [];
    for (const overload of overloads) {
      if (overload.member !== (target !== undefined)) continue;
      const names = parameters(overload);
      const fresh = new Map(names.map((param) => [param, this.#bindings.fresh()]));
      const wanted = names.length ? overload.args.map((arg) => instantiate(arg, fresh)) : overload.args;
      if (!this.#bindings.allAssignable(types, wanted)) continue;
      fitting.push(overload.id);
      const type = this.#bindings.resolve(names.length ? instantiate(overload.result, fresh) : overload.result);
      if (!result) result = type;
      else if (result.kind !== 'dyn' && !sameType(type, result)) result = dynType;
    }
    if (!result) {
      const shown = types.map((type) => formatType(this.#bindings.resolve(type, true)));
      const signature = target ? `${shown[0]}.(${shown.slice(1).join(', ')})` : `(${shown.join(', ')})`;
      return this.#fault(expr.offset, `found no matching overload for '${name}' applied to '${signature}'`);
    }
    expr.overloads = fitting;
    return result;
  }

  #join(previous: Type | undefined, current: Type): Type {
    if (!previous) return current;
    return this.#bindings.assignable(previous, current) ? mostGeneral(previous, current) : dynType;
  }
  /** The type inside what `?` marks. */
  #unwrapped(value: Expr): Type {
    const { type, optional } = unwrapOptional(value.type!);
    if (!optional && type.kind !== 'dyn') this.#mismatch(value, optionalOf(type), type);
    return type;
  }

  #list(expr: ListExpr): Type {
    let type: Type | undefined;
    expr.elements.forEach((element, i) => {
      this.check(element);
      type = this.#join(type, expr.optional.has(i) ? this.#unwrapped(element) : element.type!);
    });
    return listOf(type ?? this.#bindings.fresh());
  }

  #map(expr: MapExpr): Type {
    let keyType: Type | undefined;
    let valueType: Type | undefined;
    for (const { key, value, optional } of expr.entries) {
      keyType = this.#join(keyType, this.check(key));
      this.check(value);
      valueType = this.#join(valueType, optional ? this.#unwrapped(value) : value.type!);
    }
    return mapOf(keyType ?? this.#bindings.fresh(), valueType ?? this.#bindings.fresh());
  }

  #struct(expr: StructExpr): Type {
    const name = expr.name.replace(/^\./, '');
    if (!this.#env.provider.hasStruct(name)) {
      const known = this.#env.types.get(name);
      if (!known) return this.#undeclared(expr.offset, expr.name);
      return this.#fault(expr.offset, `'${known.name}' is not a message type`);
    }
    expr.name = name;
    for (const field of expr.fields) {
      this.check(field.value);
      const wanted = this.#structField(field.offset, name, field.name) ?? errorType;
      const given = field.optional ? this.#unwrapped(field.value) : field.value.type!;
      if (!this.#bindings.assignable(wanted, given)) this.#fault(field.offset, `expected type of field '${field.name}' is '${formatType(wanted)}' but provided type is '${formatType(given)}'`);
    }
    return structOf(name);
  }

  #comprehension(expr: Comprehension): Type {
    this.check(expr.range);
    const accumulated = this.check(expr.init);
    const range = this.#bindings.resolve(expr.range.type!);
    this.#scopes.push(new Map([[expr.accumulator, accumulated]]));
    let [first, second]: [Type, Type] = [dynType, dynType];
    if (range.kind === 'list') [first, second] = expr.variable2 ? [intType, range.params[0]] : [range.params[0], dynType];
    else if (range.kind === 'map') [first, second] = [range.params[0], range.params[1]];
    else if (isDynOrError(range) || range.kind === 'param') this.#bindings.assignable(dynType, range);
    else {
      this.#fault(expr.range.offset, `expression of type '${formatType(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`);
      [first, second] = [errorType, errorType];
    }
    this.#scopes.push(new Map([[expr.variable, first], ...(expr.variable2 ? [[expr.variable2, second] as const] : [])]));
    this.check(expr.condition);
    this.#assert(expr.condition, boolType);
    this.check(expr.step);
    this.#assert(expr.step, accumulated);
    this.#scopes.pop();
    this.check(expr.result);
    this.#scopes.pop();
    return this.#bindings.resolve(expr.result.type!);
  }

  /** Puts the final types on the whole tree. */
  finish(expr: Expr): void {
    if (expr.type) expr.type = this.#bindings.resolve(expr.type, true);
    for (const child of childrenOf(expr)) this.finish(child);
  }
}

/** Writes types onto the tree; the tree is of use only where there are no issues. */
export function check(expr: Expr, env: Environment): Issue[] {
  const checker = new Checker(env);
  checker.check(expr);
  checker.finish(expr);
  return checker.issues;
}
