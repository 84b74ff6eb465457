/**
 * Reads field facts that no published schema states (order in JSON, pointer or value, `omitempty`) from a
 * checkout of Kubernetes' Go API types. Only names and flags are taken.
 */
import { readdirSync, readFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';

export interface GoField {
  name: string;
  pointer: boolean;
  omitEmpty: boolean;
  omitZero: boolean;
  /** The Go type as written. */
  goType: string;
  /** The field's Go name; absent for a field of an embedded `TypeMeta`. */
  goName?: string;
  /** Go name of an embedded struct whose fields are inlined. */
  inline?: string;
}

/** Struct name → fields, for one Go package directory. */
export function readGoStructs(dir: string): Map<string, GoField[]> {
  const structs = new Map<string, GoField[]>();
  if (!existsSync(dir)) return structs;
  for (const file of readdirSync(dir)) {
    if (!file.endsWith('.go') || file.endsWith('_test.go') || file.startsWith('zz_') || file === 'generated.pb.go') continue;
    let current: GoField[] | undefined;
    for (const line of readFileSync(join(dir, file), 'utf8').split('\n')) {
      const open = /^type (\w+) struct \{/.exec(line);
      if (open) {
        current = [];
        structs.set(open[1], current);
        if (line.trimEnd().endsWith('}')) current = undefined;
        continue;
      }
      if (line.startsWith('}')) current = undefined;
      if (!current) continue;
      const field = /^\s+(\w+)\s+([^`]+?)\s+`.*json:"([^"]*)"/.exec(line);
      if (field) {
        const [name, ...flags] = field[3].split(',');
        if (flags.includes('inline') || name === '') current.push({ name: '', pointer: false, omitEmpty: false, omitZero: false, goType: field[2], inline: field[2].replace(/^.*\./, '') });
        else if (name !== '-') current.push({ name, pointer: field[2].startsWith('*'), omitEmpty: flags.includes('omitempty'), omitZero: flags.includes('omitzero'), goType: field[2], goName: field[1] });
        continue;
      }
      const embedded = /^\s+([\w.]+)\s+`.*json:"([^"]*)"/.exec(line);
      if (embedded) {
        const [name, ...flags] = embedded[2].split(',');
        const goType = embedded[1];
        const short = goType.replace(/^.*\./, '');
        if (flags.includes('inline') || name === '') current.push({ name: '', pointer: false, omitEmpty: false, omitZero: false, goType, inline: short });
        else current.push({ name, pointer: false, omitEmpty: flags.includes('omitempty'), omitZero: flags.includes('omitzero'), goType, goName: short });
      }
    }
  }
  return structs;
}

/** Names of what is declared over another type than a struct (`RestartPolicy` → `string`), for one Go package directory. */
export function readGoNamedTypes(dir: string): Map<string, string> {
  const named = new Map<string, string>();
  if (!existsSync(dir)) return named;
  for (const file of readdirSync(dir)) {
    if (!file.endsWith('.go') || file.endsWith('_test.go')) continue;
    for (const [, name, type] of readFileSync(join(dir, file), 'utf8').matchAll(/^type (\w+) ((?:string|bool|int32|int64|int|map\[\S+)\S*)$/gm)) named.set(name, type);
  }
  return named;
}
