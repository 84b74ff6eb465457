/** Links in proxied pages are made to lead through the proxy again. */

/** Attributes that hold URLs, by tag. */
const urlAttributes: Readonly<Record<string, readonly string[]>> = {
  a: ['href'], applet: ['codebase'], area: ['href'], audio: ['src'], base: ['href'], blockquote: ['cite'], body: ['background'], button: ['formaction'], command: ['icon'], del: ['cite'], embed: ['src'], form: ['action'], frame: ['longdesc', 'src'], head: ['profile'], html: ['manifest'], iframe: ['longdesc', 'src'], img: ['longdesc', 'src', 'usemap'], input: ['formaction', 'src', 'usemap'], ins: ['cite'], link: ['href'], object: ['classid', 'codebase', 'data', 'usemap'], q: ['cite'], script: ['src'], source: ['src'], video: ['poster', 'src'],
};

/** What stands in these is text, whatever it looks like. */
const rawText = new Set(['iframe', 'noembed', 'noframes', 'noscript', 'plaintext', 'script', 'style', 'title', 'textarea', 'xmp']);

const tag = /<!--[\s\S]*?-->|<([a-zA-Z][^\s/>]*)((?:"[^"]*"|'[^']*'|[^>"'])*)>/g;
const attribute = /([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?/g;

const escapeValue = (value: string) => value.replace(/"/g, '&#34;');

/** Start tags are written anew, in lower case, with `rewrite` applied to their links; all else stays as it is. */
export function rewriteLinks(page: string, rewrite: (url: string) => string): string {
  let out = '';
  let at = 0;
  tag.lastIndex = 0;
  for (let match = tag.exec(page); match; match = tag.exec(page)) {
    if (match[1] === undefined) continue;
    const name = match[1].toLowerCase();
    const links = urlAttributes[name] ?? [];
    let attributes = '';
    for (const [, key, double, single, bare] of match[2].matchAll(attribute)) {
      const lower = key.toLowerCase();
      const value = double ?? single ?? bare ?? '';
      attributes += ` ${lower}="${escapeValue(links.includes(lower) ? rewrite(value) : value)}"`;
    }
    out += `${page.slice(at, match.index)}<${name}${attributes}${/(^|[\s"'])\/\s*$/.test(match[2]) ? '/' : ''}>`;
    at = match.index + match[0].length;
    if (rawText.has(name)) {
      const close = new RegExp(`</${name}[\\s/>]`, 'gi');
      close.lastIndex = at;
      const end = close.exec(page)?.index ?? page.length;
      out += page.slice(at, end);
      at = end;
      tag.lastIndex = end;
    }
  }
  return out + page.slice(at);
}
