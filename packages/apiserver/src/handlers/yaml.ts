import { dump, load } from 'js-yaml';

/** A JSON value as YAML. */
export const toYaml = (value: unknown): string => dump(JSON.parse(JSON.stringify(value)), { noRefs: true, lineWidth: -1, sortKeys: true });

/** @throws Error with the parser's text */
export const fromYaml = (text: string): unknown => load(text);
