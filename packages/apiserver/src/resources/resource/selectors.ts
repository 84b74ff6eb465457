/** Selectors of devices are judged by their form: compiling them is the allocator's. */
import { type FieldError, required, tooLong } from '@pilothouse/apimachinery';
import type { DeviceSelector } from '@pilothouse/api-schemas/types/resource/v1';
import { validateList } from './lists.ts';

const mostSelectors = 32;
const longestExpression = 10 * 1024;

export function validateSelectors(errors: FieldError[], selectors: readonly DeviceSelector[] | undefined, path: string): void {
  validateList(errors, selectors, path, mostSelectors, ({ cel }, at) => {
    if (!cel) errors.push(required(`${at}.cel`));
    else if (Buffer.byteLength(cel.expression) > longestExpression) errors.push(tooLong(`${at}.cel.expression`, longestExpression));
  });
}
