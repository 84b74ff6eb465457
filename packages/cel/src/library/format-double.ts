/** Doubles as Go prints them. */

const special = (value: number): string | undefined => (Number.isNaN(value) ? 'NaN' : Number.isFinite(value) ? undefined : value > 0 ? '+Inf' : '-Inf');

/** Exponents have two digits at least. */
export const goExponent = (text: string): string => text.replace(/e([+-])(\d)$/, 'e$10$2');

/** `%g`: the fewest digits that say it; an exponent from a million on, and below 0.0001. */
export function formatDouble(value: number): string {
  const known = special(value);
  if (known) return known;
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const text = value.toExponential();
  const exponent = Number(text.slice(text.indexOf('e') + 1));
  return exponent < -4 || exponent >= 6 ? goExponent(text) : formatFixed(value);
}

/** `%f` with the fewest digits: no exponent ever. */
export function formatFixed(value: number): string {
  const known = special(value);
  if (known) return known;
  const text = String(value);
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (!match) return Object.is(value, -0) ? '-0' : text;
  const [, sign, whole, fraction = '', power] = match;
  const digits = whole + fraction;
  const point = 1 + Number(power);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return point >= digits.length ? sign + digits.padEnd(point, '0') : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}
