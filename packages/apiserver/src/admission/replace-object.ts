/** What mutating policies and webhooks make of an object takes its place. */
import type { KubeObject } from '@pilothouse/apimachinery';
import type { AdmissionAttributes, ObjectCodec } from '../contract.ts';

/** The object as if it had been sent: of the type's fields, with its defaults. @throws StatusError 400 */
export function settled(codec: ObjectCodec, made: KubeObject): KubeObject {
  const { object } = codec.decode(made);
  object.apiVersion = made.apiVersion;
  object.kind = made.kind;
  codec.defaults(object);
  return object;
}

/** Puts a changed object in the place of the one that is being written. */
export function replaceObject(a: AdmissionAttributes, changed: KubeObject): void {
  a.replaced = true;
  const held = a.object as Record<string, unknown>;
  for (const key of Object.keys(held)) if (!Object.hasOwn(changed, key)) delete held[key];
  Object.assign(held, changed);
}
