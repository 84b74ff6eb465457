import { type FieldError, invalid, parseIp } from '@pilothouse/apimachinery';

/** An address that traffic can be sent to from elsewhere. */
export function validateEndpointIp(errors: FieldError[], text: string, path: string): void {
  const ip = parseIp(text);
  const bad = (detail: string) => errors.push(invalid(path, text, detail));
  if (!ip) {
    bad('must be a valid IP address');
    return;
  }
  const top = (bits: bigint) => ip.bits >> (BigInt(ip.family === 4 ? 32 : 128) - bits);
  const v4 = ip.family === 4;
  if (ip.bits === 0n) bad(`may not be unspecified (${text})`);
  if (v4 ? top(8n) === 127n : ip.bits === 1n) bad('may not be in the loopback range (127.0.0.0/8, ::1/128)');
  if (v4 ? top(16n) === 0xa9fen : top(10n) === 0xfe80n >> 6n) bad('may not be in the link-local range (169.254.0.0/16, fe80::/10)');
  if (v4 ? top(24n) === 0xe00000n : top(8n) === 0xffn && (top(16n) & 0xfn) === 2n) bad('may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)');
}
