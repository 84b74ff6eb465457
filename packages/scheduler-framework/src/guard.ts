/** Keeps a plugin that throws from doing more harm than failing the pod at hand: what it throws becomes its verdict. */
import type { Plugin } from './contract.ts';
import { failure, type Verdict } from './verdict.ts';

/** Thrown where a point has no verdict to give: the attempt ends in an error. */
export class PluginError extends Error {
  override name = 'PluginError';
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What a plugin from outside gives back where a verdict is due: nothing, or a code and its reasons. @throws Error for anything else */
function verdictOf(name: string, point: string, value: unknown): Verdict | undefined {
  if (value === undefined || value === null) return undefined;
  const { code, reasons } = value as Verdict;
  if (typeof code !== 'string' || !Array.isArray(reasons)) throw new Error(`${point} of ${name} must return nothing or { code, reasons }`);
  return value as Verdict;
}

/**
 * The plugin with every function guarded. Points that answer with a verdict fail with one; scoring throws `PluginError`, which names the
 * plugin; what only tells (`unreserve`, `postBind`) is told to `onError` and goes on.
 */
export function guarded(name: string, plugin: Omit<Plugin, 'name'>, onError: (point: string, error: unknown) => void): Plugin {
  const own = plugin as unknown as Record<string, unknown>;
  const made: Record<string, unknown> = { ...own, name, events: plugin.events, filterScope: plugin.filterScope, scoreScope: plugin.scoreScope };
  const wrap = (point: keyof Plugin, build: (call: (...args: any[]) => any) => (...args: any[]) => any) => {
    const call = own[point];
    if (typeof call === 'function') made[point] = build((...args) => call.apply(plugin, args));
  };
  const asVerdict = (point: string) => (call: (...args: any[]) => any) => (...args: any[]) => {
    try {
      return verdictOf(name, point, call(...args));
    } catch (error) {
      return failure(textOf(error), error);
    }
  };
  const asOutcome = (call: (...args: any[]) => any) => (...args: any[]) => {
    try {
      const outcome = call(...args);
      return outcome === undefined || outcome === null ? { state: undefined } : outcome;
    } catch (error) {
      return failure(textOf(error), error);
    }
  };
  const asPromise = (point: string) => (call: (...args: any[]) => any) => async (...args: any[]) => {
    try {
      return verdictOf(name, point, await call(...args));
    } catch (error) {
      return failure(textOf(error), error);
    }
  };
  const throwing = (before: string) => (call: (...args: any[]) => any) => (...args: any[]) => {
    try {
      return call(...args);
    } catch (error) {
      throw new PluginError(`${before}plugin ${JSON.stringify(name)} failed with: ${textOf(error)}`, { cause: error });
    }
  };
  const telling = (point: string) => (call: (...args: any[]) => any) => (...args: any[]) => {
    try {
      return call(...args);
    } catch (error) {
      onError(point, error);
      return undefined;
    }
  };
  wrap('preEnqueue', asVerdict('preEnqueue'));
  wrap('filter', asVerdict('filter'));
  wrap('reserve', asVerdict('reserve'));
  wrap('preFilter', asOutcome);
  wrap('preScore', asOutcome);
  wrap('prepareFilter', throwing(''));
  wrap('prepareScore', throwing('running Score plugins: '));
  wrap('addPod', throwing(''));
  wrap('removePod', throwing(''));
  wrap('cloneState', throwing(''));
  wrap('score', throwing('running Score plugins: '));
  wrap('uniformScore', throwing('running Score plugins: '));
  wrap('normalize', throwing('running Normalize on Score plugins: '));
  wrap('preBind', asPromise('preBind'));
  wrap('bind', asPromise('bind'));
  wrap('unreserve', telling('unreserve'));
  wrap('postBind', telling('postBind'));
  wrap('needsPreBind', (call) => (...args) => telling('needsPreBind')(call)(...args) ?? true);
  wrap('queueSort', (call) => (...args) => Boolean(telling('queueSort')(call)(...args)));
  wrap('postFilter', (call) => (...args) => {
    try {
      return call(...args);
    } catch (error) {
      return { verdict: failure(textOf(error), error) };
    }
  });
  wrap('permit', (call) => (...args) => {
    try {
      const answer = call(...args);
      return answer && 'wait' in answer ? answer : verdictOf(name, 'permit', answer);
    } catch (error) {
      return failure(textOf(error), error);
    }
  });
  return made as unknown as Plugin;
}

