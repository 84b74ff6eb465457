/** Options of the controllers, made of their table of flags. */
import { type ControllerFlag, controllerFlagTable } from '@pilothouse/controller-manager/flags';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from './duration.ts';
import { readFlagFile } from './flag-files.ts';

const number = (text: string): number => {
  const value = Number(text);
  if (!text || !Number.isFinite(value)) throw new InvalidArgumentError('needed: a number');
  return value;
};
const parsers: Record<ControllerFlag['kind'], (text: string) => unknown> = {
  text: (text) => text,
  file: (text) => text,
  list: (text) => text.split(',').filter(Boolean),
  number,
  count(text) {
    const value = number(text);
    if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('needed: a whole number, 0 or more');
    return value;
  },
  duration(text) {
    const value = parseDuration(text);
    if (value === undefined) throw new InvalidArgumentError('needed: a duration as 1h, 5m0s or 300ms');
    return value;
  },
  boolean(text) {
    if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('needed: true or false');
    return text === 'true';
  },
};
const placeholders: Partial<Record<ControllerFlag['kind'], string>> = { text: 'text', list: 'list', number: 'number', count: 'n', duration: 'duration', file: 'file' };

/** Adds an option for each of the controllers' flags, but for those `except` names. */
export function addControllerFlags(command: Command, except: readonly string[] = []): Command {
  for (const flag of controllerFlagTable) {
    if (except.includes(flag.name)) continue;
    const parse = parsers[flag.kind];
    const option = flag.kind === 'boolean' ? new Option(`--${flag.name} [bool]`, flag.description).preset('true') : new Option(`--${flag.name} <${placeholders[flag.kind]}>`, flag.description);
    option.argParser((text) => parse(text));
    if (flag.default !== undefined) option.default(flag.default);
    command.addOption(option);
  }
  return command;
}

const attribute = (name: string): string => name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** What the options of `addControllerFlags` came to, under Kubernetes' names; of files, the content. @throws UserError for a file that cannot be read */
export function controllerFlagValues(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const { name, kind } of controllerFlagTable) {
    const value = options[attribute(name)];
    if (value !== undefined) values[name] = kind === 'file' ? readFlagFile(name, value as string) : value;
  }
  return values;
}
