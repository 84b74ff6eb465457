import type { FieldError } from '@pilothouse/apimachinery/field-error';
import { defaultFeatures, type Features } from '../features.ts';
import { defaultConfiguration } from './defaults.ts';
import { configApiVersion, type DefaultedConfiguration, type KubeSchedulerConfiguration } from './types.ts';
import { unknownFields } from './unknown-fields.ts';
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
  const strange = unknownFields(source);
  if (strange.length) throw new ConfigurationError(`strict decoding error: ${strange.map((field) => `unknown field ${JSON.stringify(field)}`).join(', ')}`);
  const configuration = defaultConfiguration(source as KubeSchedulerConfiguration, features);
  const findings = validateConfiguration(configuration, features);
  if (findings.length) throw new ConfigurationError(aggregate(findings), findings);
  return configuration;
}
