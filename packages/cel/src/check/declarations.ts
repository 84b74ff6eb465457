/** What expressions may name: functions with their overloads, variables, types. */
import type { Value } from '../eval/values.ts';
import type { Macro } from '../syntax/macros.ts';
import { macroTable, type MacroTable } from '../syntax/parser.ts';
import { boolType, bytesType, doubleType, durationType, intType, listOf, mapOf, nullType, paramOf, stringType, timestampType, type Type, typeType, uintType } from '../types.ts';

/** One signature of a function. */
export interface Overload {
  /** Upstream's id: costs go by it. */
  id: string;
  /** The target comes first where `member`. */
  args: readonly Type[];
  result: Type;
  member: boolean;
  /** Absent where the evaluator has the function built in. Arguments have the declared types. @throws CelError */
  run?: (...args: any[]) => Value;
}
export interface FunctionDecl {
  name: string;
  overloads: readonly Overload[];
}

export const overload = (id: string, args: readonly Type[], result: Type, run?: Overload['run']): Overload => ({ id, args, result, member: false, ...(run && { run }) });
export const member = (id: string, args: readonly Type[], result: Type, run?: Overload['run']): Overload => ({ id, args, result, member: true, ...(run && { run }) });
export const declare = (name: string, ...overloads: Overload[]): FunctionDecl => ({ name, overloads });

/** What a library adds. */
export interface Library {
  functions?: readonly FunctionDecl[];
  macros?: readonly Macro[];
  /** Names that stand for types: `net.IP`. */
  types?: readonly Type[];
}

/** The types of objects' fields. */
export interface TypeProvider {
  /** Whether there is a type of this name. */
  hasStruct(name: string): boolean;
  fieldType(struct: string, field: string): Type | undefined;
  /** Makes a value of the type from fields that a program gives. Absent: objects cannot be made. */
  construct?(struct: string, fields: ReadonlyMap<string, Value>): Value;
}
const noStructs: TypeProvider = { hasStruct: () => false, fieldType: () => undefined };

const standardTypes = [boolType, bytesType, doubleType, durationType, intType, listOf(paramOf('A')), mapOf(paramOf('A'), paramOf('B')), nullType, stringType, timestampType, typeType, uintType];

/** Everything an expression is checked against. Environments are extended, never changed. */
export class Environment {
  readonly functions: ReadonlyMap<string, FunctionDecl>;
  readonly macros: MacroTable;
  readonly variables: ReadonlyMap<string, Type>;
  readonly provider: TypeProvider;
  readonly types: ReadonlyMap<string, Type>;

  private constructor(parts: Pick<Environment, 'functions' | 'macros' | 'variables' | 'provider' | 'types'>) {
    this.functions = parts.functions;
    this.macros = parts.macros;
    this.variables = parts.variables;
    this.provider = parts.provider;
    this.types = parts.types;
  }

  static of(libraries: readonly Library[]): Environment {
    return new Environment({ functions: new Map(), macros: new Map(), variables: new Map(), provider: noStructs, types: new Map(standardTypes.map((type) => [type.name, type])) }).withLibraries(...libraries);
  }

  withLibraries(...libraries: readonly Library[]): Environment {
    const functions = new Map(this.functions);
    for (const { name, overloads } of libraries.flatMap((library) => library.functions ?? [])) {
      const known = functions.get(name)?.overloads ?? [];
      functions.set(name, { name, overloads: [...known, ...overloads.filter(({ id }) => !known.some((other) => other.id === id))] });
    }
    const types = new Map([...this.types, ...libraries.flatMap((library) => library.types ?? []).map((type) => [type.name, type] as const)]);
    const macros = new Map([...this.macros, ...macroTable(libraries.flatMap((library) => library.macros ?? []))]);
    return new Environment({ ...this, functions, macros, types });
  }

  /** With more variables, and possibly the types of objects. */
  extend(variables: Readonly<Record<string, Type>>, provider: TypeProvider = this.provider): Environment {
    return new Environment({ ...this, variables: new Map([...this.variables, ...Object.entries(variables)]), provider });
  }
}
