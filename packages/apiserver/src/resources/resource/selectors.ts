/** Selectors of devices. */
import { type FieldError, forbidden, invalid, required, tooLong } from '@pilothouse/apimachinery';
import { compileDeviceSelector } from '@pilothouse/cel';
import type { DeviceSelector } from '@pilothouse/api-schemas/types/resource/v1';
import { validateList } from './lists.ts';

const mostSelectors = 32;
const longestExpression = 10 * 1024;

export function validateSelectors(errors: FieldError[], selectors: readonly DeviceSelector[] | undefined, path: string): void {
  validateList(errors, selectors, path, mostSelectors, ({ cel }, at) => {
    if (!cel) return void errors.push(required(`${at}.cel`));
    const { expression = '' } = cel;
    const path = `${at}.cel.expression`;
    if (Buffer.byteLength(expression) > longestExpression) return void errors.push(tooLong(path, longestExpression));
    const { error, tooComplex } = compileDeviceSelector(expression);
    if (error) errors.push(invalid(path, expression, error));
    else if (tooComplex) errors.push(forbidden(path, 'too complex, exceeds cost limit'));
  });
}
