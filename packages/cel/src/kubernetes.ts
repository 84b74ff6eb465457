/** The environment that Kubernetes v1.36 compiles expressions in, and what it checks of literals. */
import { Environment } from './check/declarations.ts';
import { authorizationLibrary } from './library/authorization.ts';
import { formatsLibrary } from './library/formats.ts';
import { kubernetesListsLibrary, listsLibrary, setsLibrary } from './library/lists.ts';
import { networkLibrary } from './library/network.ts';
import { optionalsLibrary, twoVariableLibrary } from './library/optionals.ts';
import { quantitiesLibrary } from './library/quantities.ts';
import { regexLibrary } from './library/regular-expressions.ts';
import { standardLibrary } from './library/standard.ts';
import { stringsLibrary } from './library/strings.ts';
import { durationNanos, timestampNanos } from './library/time-texts.ts';
import { urlsLibrary } from './library/urls.ts';
import { compile, type Compiled } from './program.ts';
import { regexp } from './regexp/regexp.ts';
import { childrenOf, type Expr, type ListExpr, type MapExpr } from './syntax/ast.ts';
import { formatType, sameType, type Type } from './types.ts';
import type { Issue } from './syntax/source.ts';

/** Everything but variables. */
export const kubernetesEnvironment: Environment = Environment.of([standardLibrary, urlsLibrary, regexLibrary, kubernetesListsLibrary, authorizationLibrary, optionalsLibrary, quantitiesLibrary, stringsLibrary, setsLibrary, networkLibrary, formatsLibrary, twoVariableLibrary, listsLibrary]);

/** What one run may cost, and all runs for one object. */
export const perCallLimit = 1_000_000;
export const runTimeBudget = 10_000_000;
/** All conditions of one policy or webhook. */
export const matchConditionsBudget = 2_500_000;
/** Bytes of the longest message that an expression may make. */
export const maxMessageBytes = 5 * 1024;

const throws = (run: () => unknown): boolean => {
  try {
    run();
    return false;
  } catch {
    return true;
  }
};
/** By function: which argument, and what is wrong for one. */
const literalChecks: Record<string, { arg: number; isWrong: (text: string) => boolean }> = {
  duration: { arg: 0, isWrong: (text) => durationNanos(text) === undefined },
  timestamp: { arg: 0, isWrong: (text) => timestampNanos(text) === undefined },
  matches: { arg: -1, isWrong: (text) => throws(() => regexp(text)) },
};

function checkArguments(node: Expr, issues: Issue[]): void {
  if (node.kind !== 'call') return;
  const rule = literalChecks[node.name];
  const arg = rule && node.args.at(rule.arg);
  if (arg?.kind === 'literal' && typeof arg.value === 'string' && rule.isWrong(arg.value)) issues.push({ offset: arg.offset, message: `invalid ${node.name} argument` });
}

/** All of one type, as the first: `inner` marks the ones whose type is inside an optional. */
function checkAlike(parts: { expr: Expr; inner: boolean }[], issues: Issue[]): void {
  const typeAt = ({ expr, inner }: { expr: Expr; inner: boolean }): Type => (inner ? (expr.type!.params[0] ?? expr.type!) : expr.type!);
  const other = parts.find((part) => !sameType(typeAt(parts[0]), typeAt(part)));
  if (other) issues.push({ offset: other.expr.offset, message: `expected type '${formatType(typeAt(parts[0]))}' but found '${formatType(typeAt(other))}'` });
}
const checkList = ({ elements, optional }: ListExpr, issues: Issue[]): void => checkAlike(elements.map((expr, i) => ({ expr, inner: optional.has(i) })), issues);
function checkMap({ entries }: MapExpr, issues: Issue[]): void {
  checkAlike(entries.map(({ key }) => ({ expr: key, inner: false })), issues);
  checkAlike(entries.map(({ value, optional }) => ({ expr: value, inner: optional })), issues);
}

/** Literals that are wrong whatever happens, and lists and maps that mix types. */
export function checkLiterals(expr: Expr): Issue[] {
  const issues: Issue[] = [];
  // What is formatted may be of any types.
  const visit = (node: Expr, mixed: boolean): void => {
    checkArguments(node, issues);
    if (node.kind === 'list' && !mixed) checkList(node, issues);
    else if (node.kind === 'map' && !mixed) checkMap(node, issues);
    const within = mixed || (node.kind === 'call' && node.name === 'format');
    for (const child of childrenOf(node)) visit(child, within);
  };
  visit(expr, false);
  return issues;
}

/** Compiles by Kubernetes' rules. */
export const compileKubernetes = (source: string, env: Environment): Compiled => compile(source, env, [checkLiterals]);
