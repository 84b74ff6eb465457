import { forbiddenError, goQuote, type StatusError } from '@pilothouse/apimachinery';
import type { RequestAttributes } from '../contract.ts';

/** What could be read as markup by a browser that shows the answer. */
const sanitize = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

/** `User "jane" cannot list resource "pods" in API group "" in the namespace "default"`. */
function describe(attributes: RequestAttributes): string {
  const user = sanitize(goQuote(attributes.user.name));
  if (!attributes.isResource) return `User ${user} cannot ${sanitize(attributes.verb)} path ${sanitize(goQuote(attributes.path))}`;
  const resource = sanitize(goQuote(attributes.subresource ? `${attributes.resource}/${attributes.subresource}` : attributes.resource));
  const scope = attributes.namespace ? `in the namespace ${sanitize(goQuote(attributes.namespace))}` : 'at the cluster scope';
  return `User ${user} cannot ${sanitize(attributes.verb)} resource ${resource} in API group ${sanitize(goQuote(attributes.group))} ${scope}`;
}

/** The 403 for a request that no authorizer allows; `reason` is the authorizers' (may be empty). */
export function forbiddenByAuthorization(attributes: RequestAttributes, reason = ''): StatusError {
  const text = describe(attributes);
  return forbiddenError({ group: attributes.group, plural: attributes.resource }, attributes.isResource ? attributes.name : '', reason ? `${text}: ${reason}` : text);
}
