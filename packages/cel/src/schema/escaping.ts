/** Property names as expressions can spell them. */

const reserved = new Set('true false null in as break const continue else for function if import let loop package namespace return var void while'.split(' '));
const spelled: Record<string, string> = { __: '__underscores__', '.': '__dot__', '-': '__dash__', '/': '__slash__' };

/** Undefined where a name cannot be said at all. */
export function escapeName(name: string): string | undefined {
  if (!/^[^\d]/.test(name) || !/^[A-Za-z0-9_./-]+$/.test(name)) return undefined;
  return reserved.has(name) ? `__${name}__` : name.replace(/__|[./-]/g, (part) => spelled[part]);
}

/** A field by its escaped name, or as it is where it is a reserved word that selections may use: `self.namespace`. */
export const fieldNamed = <T>(fields: ReadonlyMap<string, T>, name: string): T | undefined => fields.get(name) ?? (reserved.has(name) ? fields.get(`__${name}__`) : undefined);
