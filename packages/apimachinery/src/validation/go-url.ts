/** URLs as Go's net/url reads them: WHATWG parsing would repair what must be refused. */
import { goQuote } from '../go-format.ts';

export interface GoUrl {
  scheme: string;
  user?: string;
  host: string;
  query: string;
  fragment: string;
}

class UrlError extends Error {}

function splitScheme(text: string): [scheme: string, rest: string] {
  const found = /^([A-Za-z][A-Za-z0-9+.-]*)?:/.exec(text);
  if (!found) return ['', text];
  if (!found[1]) throw new UrlError('missing protocol scheme');
  return [found[1].toLowerCase(), text.slice(found[0].length)];
}

function checkEscapes(text: string): void {
  const wrong = /%(?![0-9A-Fa-f]{2})[\s\S]{0,2}/.exec(text);
  if (wrong) throw new UrlError(`invalid URL escape ${goQuote(wrong[0])}`);
}

function checkHost(host: string): void {
  const bracketed = host.startsWith('[');
  const end = bracketed ? host.lastIndexOf(']') + 1 : host.lastIndexOf(':');
  if (bracketed && end === 0) throw new UrlError("missing ']' in host");
  const port = end < 0 ? '' : host.slice(end);
  if (!/^(:[0-9]*)?$/.test(port)) throw new UrlError(`invalid port ${goQuote(port)} after host`);
  checkEscapes(host);
  // Names keep to ASCII where they are escaped.
  for (const [found] of host.matchAll(/%[0-7][0-9A-Fa-f]/g)) if (found !== '%25') throw new UrlError(`invalid URL escape ${goQuote(found)}`);
  const wrong = /(?![\w.~!$&'()*+,;=:[\]<>"%-])[ -~]/.exec(host);
  if (wrong) throw new UrlError(`invalid character ${goQuote(wrong[0])} in host name`);
}

/** `forRequest`: as one stands in the first line of a request: absolute, or a path. */
function read(text: string, forRequest = false): Omit<GoUrl, 'fragment'> {
  if (/[\0-\x1f\x7f]/.test(text)) throw new UrlError('net/url: invalid control character in URL');
  const [scheme, afterScheme] = splitScheme(text);
  const mark = afterScheme.indexOf('?');
  let rest = mark < 0 ? afterScheme : afterScheme.slice(0, mark);
  const url: Omit<GoUrl, 'fragment'> = { scheme, host: '', query: mark < 0 ? '' : afterScheme.slice(mark + 1) };
  if (!rest.startsWith('/')) {
    if (scheme) return url;
    if (forRequest) throw new UrlError('invalid URI for request');
    if (rest.split('/', 1)[0].includes(':')) throw new UrlError('first path segment in URL cannot contain colon');
  }
  if (rest.startsWith('//') && (scheme || (!forRequest && !rest.startsWith('///')))) {
    const end = rest.indexOf('/', 2);
    const authority = end < 0 ? rest.slice(2) : rest.slice(2, end);
    rest = end < 0 ? '' : rest.slice(end);
    const at = authority.lastIndexOf('@');
    url.host = authority.slice(at + 1);
    checkHost(url.host);
    if (at >= 0) {
      url.user = authority.slice(0, at);
      if (!/^[\w\-.:~!$&'()*+,;=%@]*$/.test(url.user)) throw new UrlError('net/url: invalid userinfo');
      checkEscapes(url.user);
    }
  }
  checkEscapes(rest);
  return url;
}

/** Whether Go's `ParseRequestURI` takes the text; it knows no fragments. */
export function isRequestUri(text: string): boolean {
  if (text === '*') return true;
  try {
    read(text, true);
    return text !== '';
  } catch (error) {
    if (error instanceof UrlError) return false;
    throw error;
  }
}

/** The parts of a URL, or why it is none. */
export function parseGoUrl(text: string): GoUrl | { problem: string } {
  const hash = text.indexOf('#');
  const main = hash < 0 ? text : text.slice(0, hash);
  const fragment = hash < 0 ? '' : text.slice(hash + 1);
  let shown = main;
  try {
    const url = read(main);
    shown = text;
    checkEscapes(fragment);
    return { ...url, fragment };
  } catch (error) {
    if (error instanceof UrlError) return { problem: `parse ${goQuote(shown)}: ${error.message}` };
    throw error;
  }
}
