/** `url()`: as Go's net/url reads request URIs. */
import { declare, type Library, member, overload } from '../check/declarations.ts';
import { CelError } from '../eval/errors.ts';
import { LiteralMap, type Opaque } from '../eval/values.ts';
import { boolType, listOf, mapOf, stringType, structOf } from '../types.ts';

export const urlType = structOf('kubernetes.URL');
const quoted = (text: string): string => JSON.stringify(text);

/** What is wrong with a text as a URL, in Go's words. */
class UrlError extends Error {}

class Url implements Opaque {
  readonly celType = urlType;
  readonly text: string;
  readonly scheme: string;
  readonly host: string;
  /** Decoded, and as it was written where the two differ in ways that matter. */
  readonly path: string;
  readonly rawPath: string;
  readonly query: string;
  readonly opaque: string;

  constructor(parts: Pick<Url, 'text' | 'scheme' | 'host' | 'path' | 'rawPath' | 'query' | 'opaque'>) {
    this.text = parts.text;
    this.scheme = parts.scheme;
    this.host = parts.host;
    this.path = parts.path;
    this.rawPath = parts.rawPath;
    this.query = parts.query;
    this.opaque = parts.opaque;
  }
  equals(other: Url): boolean {
    return this.text === other.text;
  }
  toString(): string {
    return this.text;
  }
}

function splitScheme(text: string): [string, string] {
  const match = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(text);
  if (match) return [match[1].toLowerCase(), text.slice(match[0].length)];
  if (text.startsWith(':')) throw new UrlError('missing protocol scheme');
  if (/^[0-9+.-][a-zA-Z0-9+.-]*:/.test(text)) throw new UrlError('first path segment in URL cannot contain colon');
  return ['', text];
}

function checkEscapes(text: string): void {
  const bad = /%(?![0-9a-fA-F]{2}).{0,2}/s.exec(text);
  if (bad) throw new UrlError(`invalid URL escape ${quoted(bad[0])}`);
}

const decoder = new TextDecoder();
function decodePath(text: string): string {
  checkEscapes(text);
  if (!text.includes('%')) return text;
  const bytes: number[] = [];
  for (const [part] of text.matchAll(/%[0-9a-fA-F]{2}|[^%]+/gs)) bytes.push(...(part[0] === '%' ? [Number.parseInt(part.slice(1), 16)] : new TextEncoder().encode(part)));
  return decoder.decode(Uint8Array.from(bytes));
}

function readHost(text: string): string {
  if (text.startsWith('[')) {
    const end = text.lastIndexOf(']');
    if (end < 0) throw new UrlError("missing ']' in host");
    if (!/^(:\d*)?$/.test(text.slice(end + 1))) throw new UrlError(`invalid port ${quoted(text.slice(end + 1))} after host`);
    return text;
  }
  const colon = text.lastIndexOf(':');
  if (colon >= 0 && !/^:\d*$/.test(text.slice(colon))) throw new UrlError(`invalid port ${quoted(text.slice(colon))} after host`);
  const bad = /[ "<>`^{|}\\]/.exec(text);
  if (bad) throw new UrlError(`invalid character ${quoted(bad[0])} in host name`);
  checkEscapes(text);
  return decodePath(text);
}

/** A request URI: absolute, or a path from the root. @throws CelError */
function parseUrl(text: string): Url {
  try {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    if (/[\x00-\x1f\x7f]/.test(text)) throw new UrlError('net/url: invalid control character in URL');
    if (text === '') throw new UrlError('empty url');
    if (text === '*') return new Url({ text, scheme: '', host: '', path: '*', rawPath: '', query: '', opaque: '' });
    const [scheme, afterScheme] = splitScheme(text);
    const mark = afterScheme.indexOf('?');
    let rest = mark < 0 ? afterScheme : afterScheme.slice(0, mark);
    let query = mark < 0 ? '' : afterScheme.slice(mark + 1);
    if (!rest.startsWith('/')) {
      if (!scheme) throw new UrlError('invalid URI for request');
      return new Url({ text, scheme, host: '', path: '', rawPath: '', query, opaque: rest });
    }
    const hash = query.indexOf('#');
    if (hash >= 0) query = query.slice(0, hash);
    const fragment = rest.indexOf('#');
    if (fragment >= 0) {
      rest = rest.slice(0, fragment);
      query = '';
    }
    let host = '';
    if (rest.startsWith('//') && (scheme || !rest.startsWith('///'))) {
      const end = rest.indexOf('/', 2);
      const authority = end < 0 ? rest.slice(2) : rest.slice(2, end);
      rest = end < 0 ? '' : rest.slice(end);
      const at = authority.lastIndexOf('@');
      if (at >= 0 && !/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(authority.slice(0, at))) throw new UrlError('net/url: invalid userinfo');
      host = readHost(authority.slice(at + 1));
    }
    return new Url({ text, scheme, host, path: decodePath(rest), rawPath: rest, query, opaque: '' });
  } catch (error) {
    if (error instanceof UrlError) throw new CelError(`parse ${quoted(text)}: ${error.message}`);
    throw error;
  }
}

/** Undefined where the text is a request URI. */
export function whyNoUrl(text: string): string | undefined {
  try {
    parseUrl(text);
    return undefined;
  } catch (error) {
    if (error instanceof CelError) return error.message;
    throw error;
  }
}
function toUrl(text: string): Url {
  const why = whyNoUrl(text);
  if (why) throw new CelError(`URL parse error during conversion from string: ${why}`);
  return parseUrl(text);
}

/** What Go escapes in paths. */
const escapePath = (path: string): string => Array.from(path, (point) => (/[A-Za-z0-9\-_.~$&+,/:;=@!'()*[\]]/.test(point) ? point : encodeURIComponent(point).replace(/[!'()*]/g, (c) => c))).join('');
/** The written form where it says the same, else Go's own. */
const escapedPath = ({ path, rawPath }: Url): string => (path === '*' ? '*' : /^[A-Za-z0-9\-_.~$&+,/:;=@!'()*[\]%]*$/.test(rawPath) ? rawPath : escapePath(path));
const hostname = ({ host }: Url): string => (host.startsWith('[') ? host.slice(1, host.lastIndexOf(']')) : host.replace(/:\d*$/, ''));
const port = ({ host }: Url): string => /:(\d*)$/.exec(host.startsWith('[') ? host.slice(host.lastIndexOf(']') + 1) : host)?.[1] ?? '';
function queryOf({ query }: Url): LiteralMap {
  const found = new Map<string, string[]>();
  for (const part of query.split('&')) {
    if (!part || part.includes(';')) continue;
    const equals = part.indexOf('=');
    try {
      const [key, value] = [equals < 0 ? part : part.slice(0, equals), equals < 0 ? '' : part.slice(equals + 1)].map((text) => decodePath(text.replaceAll('+', ' ')));
      found.set(key, [...(found.get(key) ?? []), value]);
    } catch {
      // Go leaves out what it cannot read.
    }
  }
  return LiteralMap.of(found);
}
const part = (name: string, id: string, of: (url: Url) => string) => declare(name, member(id, [urlType], stringType, of));

export const urlsLibrary: Library = {
  functions: [
    declare('url', overload('string_to_url', [stringType], urlType, toUrl)),
    part('getScheme', 'url_get_scheme', ({ scheme }) => scheme),
    part('getHost', 'url_get_host', ({ host }) => host),
    part('getHostname', 'url_get_hostname', hostname),
    part('getPort', 'url_get_port', port),
    part('getEscapedPath', 'url_get_escaped_path', escapedPath),
    declare('getQuery', member('url_get_query', [urlType], mapOf(stringType, listOf(stringType)), queryOf)),
    declare('isURL', overload('is_url_string', [stringType], boolType, (text: string) => whyNoUrl(text) === undefined)),
  ],
};
