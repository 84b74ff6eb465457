/** What the flags say of the scheduler: its configuration, feature gates, and plugins from files. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { duplicateYamlKeys, parseYaml } from '@pilothouse/apimachinery';
import { type Logger, messageOf, UserError } from '@pilothouse/base';
import { Action, type ActionName, defaultPlugins, featuresWith, guarded, type KubeSchedulerConfiguration, loadConfiguration, type PluginFactory } from '@pilothouse/scheduler-framework';
import { readFlagFile } from './flag-files.ts';

export interface SchedulerSetup {
  /** Decoded; what the flags say laid over the file. */
  config: KubeSchedulerConfiguration;
  featureGates: Record<string, boolean>;
  plugins: readonly PluginFactory[];
}

/** A KubeSchedulerConfiguration, YAML or JSON, of the file that `--${flag}` names. @throws UserError */
export function readSchedulerConfig(file: string | undefined, flag = 'config'): KubeSchedulerConfiguration | undefined {
  const text = readFlagFile(flag, file);
  if (text === undefined) return undefined;
  let config: unknown;
  try {
    config = parseYaml(text);
  } catch (error) {
    throw new UserError(`--${flag} ${file}: ${messageOf(error)}`);
  }
  const twice = duplicateYamlKeys(text);
  if (twice.length) throw new UserError(`--${flag} ${file}: strict decoding error: ${twice.join(', ')}`);
  if (typeof config !== 'object' || config === null || Array.isArray(config)) throw new UserError(`--${flag} ${file}: a KubeSchedulerConfiguration is needed`);
  for (const [field, name] of [['kind', 'Kind'], ['apiVersion', 'apiVersion']] as const) if (!(field in config)) throw new UserError(`--${flag} ${file}: Object '${name}' is missing in '${JSON.stringify(config).slice(0, 200)}'`);
  return config as KubeSchedulerConfiguration;
}

/** `Name=true` or `Name=false` each. @throws UserError */
export function parseFeatureGates(settings: readonly string[]): Record<string, boolean> {
  const gates: Record<string, boolean> = {};
  for (const setting of settings) {
    const [name, value, ...rest] = setting.split('=').map((part) => part.trim());
    if (value === undefined || rest.length) throw new UserError(`--feature-gates: missing bool value for ${name}`);
    if (value !== 'true' && value !== 'false') throw new UserError(`--feature-gates: invalid value of ${name}=${value}, err: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
    gates[name] = value === 'true';
  }
  try {
    featuresWith(gates);
  } catch (error) {
    throw new UserError(`--feature-gates: ${messageOf(error)}`);
  }
  return gates;
}

/** Files name actions (`['Add', 'UpdateNodeLabel']`), for they import nothing. @throws Error for a name that is none */
function actionBits(action: number | readonly string[]): number {
  if (typeof action === 'number') return action;
  let bits = 0;
  for (const name of action) {
    if (!Object.hasOwn(Action, name)) throw new Error(`events: there is no action ${JSON.stringify(name)}; there are ${Object.keys(Action).join(', ')}`);
    bits |= Action[name as ActionName];
  }
  return bits;
}

/** The plugin whose factory a file exports by default. @throws UserError naming the file and what is wrong with it */
async function loadPlugin(file: string, taken: ReadonlySet<string>, log: Logger): Promise<PluginFactory> {
  const wrong = (why: string) => new UserError(`--plugin ${file}: ${why}`);
  let exported: { default?: Partial<PluginFactory> };
  try {
    exported = await import(pathToFileURL(resolve(file)).href);
  } catch (error) {
    throw wrong(`cannot be loaded: ${messageOf(error)}`);
  }
  const factory = exported.default;
  if (typeof factory !== 'object' || factory === null) throw wrong('has no default export; needed: export default { name, create(args, handle) }');
  const { name } = factory;
  if (typeof name !== 'string' || !name) throw wrong('its default export has no name');
  if (typeof factory.create !== 'function') throw wrong(`the plugin ${JSON.stringify(name)} has no function create(args, handle)`);
  if (taken.has(name)) throw wrong(`there is a plugin named ${JSON.stringify(name)} already`);
  return {
    name,
    create(args, handle) {
      const made = factory.create!(args, handle);
      if (typeof made !== 'object' || made === null) throw new Error('create() must return the plugin, an object');
      const events = made.events?.map((registered) => ({ ...registered, action: actionBits(registered.action) }));
      return guarded(name, events ? { ...made, events } : made, (point, error) => log.error('A plugin failed', { plugin: name, point, err: error }));
    },
  };
}

/** Plugins that no profile mentions take part in all of them, at every point they know. */
function enableEverywhere(config: KubeSchedulerConfiguration, names: readonly string[]): KubeSchedulerConfiguration {
  const profiles = config.profiles?.length ? config.profiles : [{}];
  const mentioned = new Set(profiles.flatMap((p) => Object.values(p?.plugins ?? {}).flatMap((set) => [...(set?.enabled ?? []), ...(set?.disabled ?? [])].map((entry) => entry.name))));
  const added = names.filter((name) => !mentioned.has(name)).map((name) => ({ name }));
  if (!added.length) return config;
  return { ...config, profiles: profiles.map((p) => ({ ...p, plugins: { ...p?.plugins, multiPoint: { ...p?.plugins?.multiPoint, enabled: [...(p?.plugins?.multiPoint?.enabled ?? []), ...added] } } })) };
}

/** @throws UserError in one sentence for what cannot be used */
export async function schedulerSetup(config: KubeSchedulerConfiguration, flags: { featureGates: readonly string[]; plugin: readonly string[] }, log: Logger): Promise<SchedulerSetup> {
  const featureGates = parseFeatureGates(flags.featureGates);
  const own: PluginFactory[] = [];
  for (const file of flags.plugin) own.push(await loadPlugin(file, new Set([...defaultPlugins, ...own].map((p) => p.name)), log));
  const features = featuresWith(featureGates);
  try {
    loadConfiguration(config, features);
    const whole = enableEverywhere(config, own.map((p) => p.name));
    loadConfiguration(whole, features);
    return { config: whole, featureGates, plugins: [...defaultPlugins, ...own] };
  } catch (error) {
    throw new UserError(messageOf(error));
  }
}
