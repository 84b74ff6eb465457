import { expect, test } from 'vitest';
import { formatOf } from './formats.ts';

/** Cases of kube-openapi's pkg/validation/strfmt and of the Go functions it calls. */
const cases: Record<string, { good: string[]; bad: string[] }> = {
  'date-time': {
    good: ['2020-02-29T23:59:59Z', '2020-01-01t00:00:00z', '2020-01-01T00:00:00.123+02:00', '2020-01-01T00:00:00Ztail'],
    bad: ['2020-01-01T00:00:00', '2020-01-01 00:00:00Z', '2020-01-01T00:00:60Z', '2020-01-01T24:00:00Z', '2020-01-01T00:00:00+0200', '2021-02-29T00:00:00Z', '2020-01-01', ''],
  },
  date: { good: ['2020-02-29', '0000-01-01'], bad: ['2021-02-29', '2020-1-1', '20200101', ''] },
  duration: {
    good: ['1h30m', '-1.5h', '0', '.5s', '3 days', '2 wk', '1 hr', '5 secs', '10 minutes and 3 seconds', 'about 4 weeks', '9999999999h'],
    bad: ['', '5', '3 lightyears', 'h', '99999999999999999999 s'],
  },
  uri: { good: ['http://a/b c', '/a b', 'mailto:x', '*', 'http://[::1]:80/', '/a#b', '//x y/z'], bad: ['', 'a/b', 'http://a b/', '/%zz', '://x', 'http://h:x/', '/\u0000'] },
  ssn: { good: ['111-22-3333', '111 22-3333'], bad: ['111223333', '111-223333', '1'] },
  creditcard: { good: ['4111111111111111', '4111-1111-1111-1111', '5555555555554444'], bad: ['2221000000000009', '4111111111111112', ''] },
  isbn: { good: ['978-3-16-148410-0', '0306406152', '080442957X'], bad: ['978-3-16-148410-1', '0306406153', '1'] },
  ipv4: { good: ['10.0.0.1', '010.0.0.1', '::ffff:1.2.3.4'], bad: ['1.2.3', '::1', '256.0.0.1'] },
  ipv6: { good: ['::1', 'fe80::1'], bad: ['1.2.3.4', 'fe80::1%eth0', ':::'] },
  cidr: { good: ['10.0.0.0/8', '::/0'], bad: ['10.0.0.0', '10.0.0.0/33'] },
  mac: { good: ['01:02:03:04:05:06', '0102.0304.0506', '01-02-03-04-05-06-07-08'], bad: ['01:02:03:04:05', '01:02-03:04:05:06', '0102030405'] },
  hostname: { good: ['localhost', 'a.example.com', '1a'], bad: ['-a', 'a_b', 'a..b', ''] },
  email: {
    good: ['a@b.c', 'A B <a@b>', '" "@example.com', '"Abc\\@def"@example.com', '"Joe" <a@b>', '<a@b>', 'a@b (comment (nested))', 'Joe Q. Public <john@x.y>', 'a@[1.2.3.4]', 'Group: a@b;', ' a@b.c ', 'postmaster@☁→❄.ws', '!def!xyz%abc@example.com', 'a@ b'],
    bad: ['', 'a', 'a@', '@b', 'a@b c', '.a@b', 'a.@b', 'a..b@c', 'a@b..c', 'a@b>', 'a @b', 'a@[x]', 'a@b,c@d', '"a@b', 'a@b\n', 'Group: a@b, c@d;', 'Group:;', 'somebody@somewhere@com', '""@b'],
  },
  byte: { good: ['YQ==', 'YWJj'], bad: ['', 'YQ=', 'a'] },
  uuid: { good: ['123e4567-e89b-12d3-a456-426614174000', '123E4567E89B12D3A456426614174000'], bad: ['123e4567-e89b-12d3-a456-42661417400'] },
  hexcolor: { good: ['#fff', 'ABCDEF'], bad: ['#ffff', 'red'] },
  rgbcolor: { good: ['rgb(0, 255,1)'], bad: ['rgb(256,0,0)', 'rgb(01,0,0)'] },
  bsonobjectid: { good: ['507f1f77bcf86cd799439011'], bad: ['507f1f77bcf86cd79943901'] },
};

test.each(Object.entries(cases))('%s', (name, { good, bad }) => {
  const isValid = formatOf(name)!;
  expect(good.filter((text) => !isValid(text))).toEqual([]);
  expect(bad.filter((text) => isValid(text))).toEqual([]);
});
