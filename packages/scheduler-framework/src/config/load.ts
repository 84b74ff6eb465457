import type { FieldError } from '@pilothouse/apimachinery/field-error';
import { defaultFeatures, type Features } from '../features.ts';
import { checkDecodes } from './decode.ts';
import { defaultConfiguration } from './defaults.ts';
import { configApiVersion, type DefaultedConfiguration, type KubeSchedulerConfiguration } from './types.ts';
import { validateConfiguration } from './validate.ts';

/** A configuration that cannot be used; the message lists every finding. */
export class ConfigurationError extends Error {
  override name = 'ConfigurationError';
  readonly findings: readonly FieldError[];
  constructor(message: string, findings: readonly FieldError[] = []) {
    super(message);
    this.findings = findings;
  }
}

/** Several findings in one text, as an aggregate error is written. */
export function aggregate(findings: readonly FieldError[]): string {
  const texts = [...new Set(findings.map((f) => `${f.field}: ${f.message}`))];
  return texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
}

/** Defaults and validates a decoded configuration (of a file, or an empty object). @throws ConfigurationError */
export function loadConfiguration(source: unknown, features: Features = defaultFeatures): DefaultedConfiguration {
  if (source === null || typeof source !== 'object' || Array.isArray(source)) throw new ConfigurationError(`couldn't decode the configuration: an object is needed, not ${Array.isArray(source) ? 'a list' : String(source)}`);
  const { apiVersion, kind } = source as KubeSchedulerConfiguration;
  if (apiVersion !== undefined && apiVersion !== configApiVersion) throw new ConfigurationError(`no kind "KubeSchedulerConfiguration" is registered for version ${JSON.stringify(apiVersion)}`);
  if (kind !== undefined && kind !== 'KubeSchedulerConfiguration') throw new ConfigurationError(`couldn't decode as KubeSchedulerConfiguration, got ${kind}`);
  try {
    checkDecodes(source);
  } catch (error) {
    throw new ConfigurationError((error as Error).message);
  }
  const configuration = defaultConfiguration(source as KubeSchedulerConfiguration, features);
  const findings = validateConfiguration(configuration, features);
  if (findings.length) throw new ConfigurationError(aggregate(findings), findings);
  leaveToExtenders(configuration);
  return configuration;
}

/** Resources that extenders look after alone are none of NodeResourcesFit's business. */
function leaveToExtenders({ extenders, profiles }: DefaultedConfiguration): void {
  const ignored = extenders.flatMap((e) => (e.managedResources ?? []).filter((r) => r.ignoredByScheduler).map((r) => r.name));
  if (!ignored.length) return;
  for (const { args } of profiles) {
    const fit = args.NodeResourcesFit;
    if (fit) fit.ignoredResources = [...((fit.ignoredResources as string[] | undefined) ?? []), ...ignored];
  }
}
