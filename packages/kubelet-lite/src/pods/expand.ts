/** `$(NAME)` in env values, commands and arguments (k8s.io/kubernetes third_party/forked/golang/expansion). */

/** References that `lookup` does not know stay as they are; `$$` is a dollar sign. */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const next = text[i + 1];
    if (text[i] !== '$' || next === undefined) out += text[i];
    else if (next === '$') {
      out += '$';
      i++;
    } else if (next === '(') {
      const end = text.indexOf(')', i + 2);
      if (end < 0) {
        out += '$(';
        i++;
      } else {
        const name = text.slice(i + 2, end);
        out += lookup(name) ?? `$(${name})`;
        i = end;
      }
    } else {
      out += `$${next}`;
      i++;
    }
  }
  return out;
}

/** As `expand`, failing on names that are not known. @returns the first unknown name, or the text */
export function expandStrict(text: string, lookup: (name: string) => string | undefined): { text: string } | { unknown: string } {
  let unknown: string | undefined;
  const expanded = expand(text, (name) => {
    const value = lookup(name);
    if (value === undefined) unknown ??= name;
    return value ?? '';
  });
  return unknown === undefined ? { text: expanded } : { unknown };
}
