/** A quantity as Go's spew prints the struct that parsing it makes (k8s.io/apimachinery/pkg/api/resource ParseQuantity). */

const binary = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const decimal = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
/** Digits that certainly fit an int64. */
const safeDigits = 18;
const nano = 9;
const maxInt64 = 2n ** 63n - 1n;
const word = 2n ** 64n;

const print = (small: { value: bigint; scale: number }, large: string, text: string, format: string): string => `{i:(resource.int64Amount){value:(int64)${small.value} scale:(resource.Scale)${small.scale}} d:(resource.infDecAmount){Dec:(*inf.Dec)${large}} s:(string)${text} Format:(resource.Format)${format}}`;

/** The parsed text is kept (`s`) only where it is known to be canonical without further work. */
export function dumpQuantity(text: string): string {
  if (text === '0') return print({ value: 0n, scale: 0 }, '<nil>', text, 'DecimalSI');
  const match = /^([+-]?)0*([0-9]*)(?:\.([0-9]*))?([A-Za-z]*)([+-]?[0-9]*)$/.exec(text);
  if (!match) throw new Error(`${JSON.stringify(text)} is no quantity`);
  const [, sign, digits, fraction = '', suffix, exponentDigits] = match;
  const whole = digits || '0';
  const base2 = suffix.endsWith('i');
  const format = base2 ? 'BinarySI' : exponentDigits ? 'DecimalExponent' : 'DecimalSI';
  const exponent = base2 ? binary.indexOf(suffix) * 10 : exponentDigits ? Number(exponentDigits) : (decimal.indexOf(suffix) - 3) * 3;
  const factor = base2 ? 2n ** BigInt(exponent) : 1n;
  const room = !base2 ? safeDigits - whole.length - fraction.length : fraction ? -1 : 15 - whole.length - Math.trunc((exponent * 3) / 10) - 1;
  const scale = (base2 ? 0 : exponent) - fraction.length;
  const unscaled = BigInt(whole + fraction);
  const negative = sign === '-';
  if (room >= 0 && scale >= -nano && unscaled * factor <= maxInt64) {
    const canonical = base2 ? (unscaled & 7n) !== 0n : scale % 3 === 0 && !(whole + fraction).endsWith('000') && (whole + fraction)[0] !== '0';
    return print({ value: (negative ? -1n : 1n) * unscaled * factor, scale }, '<nil>', canonical ? text : '', format);
  }
  return large(unscaled * factor, -scale, negative, format);
}

/** What fits no int64: a decimal of any length, at nine places, rounded up. */
function large(unscaled: bigint, places: number, negative: boolean, format: string): string {
  let amount = unscaled;
  let at = places;
  if (amount !== 0n) {
    const shift = nano - places;
    const divisor = 10n ** BigInt(Math.max(0, -shift));
    amount = shift >= 0 ? amount * 10n ** BigInt(shift) : (amount + divisor - 1n) / divisor;
    at = nano;
  }
  const one = 10n ** BigInt(nano);
  let written = format;
  if (format === 'BinarySI' && at === nano && amount > maxInt64 * one) [amount, at] = [maxInt64, 0];
  else if (format === 'BinarySI' && at === nano && amount < one) written = 'DecimalSI';
  const words: bigint[] = [];
  for (let rest = amount; rest > 0n; rest /= word) words.push(rest % word);
  const abs = words.length ? `[${words.join(' ')}]` : '<nil>';
  return print({ value: 0n, scale: 0 }, `{unscaled:(big.Int){neg:(bool)${negative} abs:(big.nat)${abs}} scale:(inf.Scale)${at}}`, '', written);
}
