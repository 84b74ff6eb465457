/** What admission notes about a request for the audit log. */
import type { ApiRequest } from '@pilothouse/apimachinery';

const noted = new WeakMap<ApiRequest, Record<string, string>>();

/** The first note under a key stays. */
export function annotate(request: ApiRequest, key: string, value: string): void {
  const notes = noted.get(request);
  if (!notes) noted.set(request, { [key]: value });
  else if (!Object.hasOwn(notes, key)) notes[key] = value;
}

export const annotationsOf = (request: ApiRequest): Readonly<Record<string, string>> | undefined => noted.get(request);
