import type { YamlNode } from './structure.ts';

/** A key that its mapping has already; what is inside its value comes first. */
export interface DuplicateKey {
  key: { text: string; plain: boolean };
  /** Where its value begins, from 1. */
  line: number;
}

/** Keys that stand twice in a mapping, in the order in which go-yaml finds them. `identify` tells keys of different types apart. */
export function duplicateKeys(node: YamlNode | undefined, identify: (key: { text: string; plain: boolean }) => string): DuplicateKey[] {
  const found: DuplicateKey[] = [];
  const visit = (at: YamlNode): void => {
    for (const item of at.items ?? []) visit(item);
    const seen = new Set<string>();
    for (const [key, value] of at.pairs ?? []) {
      visit(key);
      visit(value);
      if (!key.scalar || isMerge(key.scalar)) continue;
      const identity = identify(key.scalar);
      if (seen.has(identity)) found.push({ key: key.scalar, line: value.line + 1 });
      seen.add(identity);
    }
  };
  if (node) visit(node);
  return found;
}

const isMerge = ({ text, plain }: { text: string; plain: boolean }): boolean => plain && text === '<<';
