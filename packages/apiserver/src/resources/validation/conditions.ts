import { duplicate, invalid, notSupported, required, tooLong, type FieldError } from '@pilothouse/apimachinery';
import type { Condition } from '@pilothouse/api-schemas/types/meta/v1';
import { checkName, isQualifiedName, regexError } from './names.ts';

const reasonPattern = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';

/** The common form of conditions (meta/v1). */
export function validateConditions(errors: FieldError[], conditions: readonly Condition[] | undefined, path: string): void {
  conditions?.forEach((condition, i) => {
    const at = `${path}[${i}]`;
    if (conditions.findIndex((other) => other.type === condition.type) < i) errors.push(duplicate(`${at}.type`, condition.type));
    if (!condition.type) errors.push(required(`${at}.type`));
    else checkName(errors, `${at}.type`, condition.type, isQualifiedName);
    if (!['False', 'True', 'Unknown'].includes(condition.status)) errors.push(notSupported(`${at}.status`, condition.status, ['False', 'True', 'Unknown']));
    if ((condition.observedGeneration ?? 0) < 0) errors.push(invalid(`${at}.observedGeneration`, condition.observedGeneration, 'must be greater than or equal to zero'));
    if (!condition.lastTransitionTime) errors.push(required(`${at}.lastTransitionTime`, 'must be set'));
    if (!condition.reason) errors.push(required(`${at}.reason`));
    else {
      if (!new RegExp(`^${reasonPattern}$`).test(condition.reason)) errors.push(invalid(`${at}.reason`, condition.reason, regexError("a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'", reasonPattern, 'my_name', 'MY_NAME', 'MyName', 'ReasonA,ReasonB', 'ReasonA:ReasonB')));
      if (condition.reason.length > 1024) errors.push(tooLong(`${at}.reason`, 1024));
    }
    if ((condition.message?.length ?? 0) > 32768) errors.push(tooLong(`${at}.message`, 32768));
  });
}
