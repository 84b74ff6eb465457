import { expect, test } from 'vitest';
import { parseGoUrl } from './go-url.ts';

test.each([
  ['::', 'parse "::": missing protocol scheme'],
  ['1:2', 'parse "1:2": first path segment in URL cannot contain colon'],
  ['https://h:x/', 'parse "https://h:x/": invalid port ":x" after host'],
  ['https://[::1', 'parse "https://[::1": missing \']\' in host'],
  ['https://a b/', 'parse "https://a b/": invalid character " " in host name'],
  ['https://h/%zz', 'parse "https://h/%zz": invalid URL escape "%zz"'],
  ['https://h/#%z', 'parse "https://h/#%z": invalid URL escape "%z"'],
  ['https://h%41/', 'parse "https://h%41/": invalid URL escape "%41"'],
  ['https://u"@h/', 'parse "https://u\\"@h/": net/url: invalid userinfo'],
  ['https://h/\n', 'parse "https://h/\\n": net/url: invalid control character in URL'],
])('%s is no URL', (text, problem) => expect(parseGoUrl(text)).toEqual({ problem }));

test.each([
  ['HTTPS://u:p@h:1/x?a=b#f', { scheme: 'https', user: 'u:p', host: 'h:1', query: 'a=b', fragment: 'f' }],
  ['https://[::1]:443', { scheme: 'https', host: '[::1]:443', query: '', fragment: '' }],
  ['mailto:x', { scheme: 'mailto', host: '', query: '', fragment: '' }],
  ['', { scheme: '', host: '', query: '', fragment: '' }],
])('%s has its parts', (text, parts) => expect(parseGoUrl(text)).toEqual(parts));
