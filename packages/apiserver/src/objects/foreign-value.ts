/**
 * Values in the store that this server did not write: kube-apiserver's protobuf (`k8s\0`) and its JSON, in any version
 * of the kind. Sealed ones (encryption at rest) are refused by name.
 */
import { decodeProtobuf, isProtobuf, type KubeObject, parseStored, WireError } from '@pilothouse/apimachinery';
import { messageOf } from '@pilothouse/base';
import { headOf, UnreadableValue } from '../cache/encoding.ts';
import type { StoredReader } from '../cache/resource-cache.ts';
import type { Conversion, ObjectCodec, Strategy } from '../contract.ts';

interface StoredKind {
  apiVersion: string;
  kind: string;
  /** Defined by a CustomResourceDefinition: JSON only, read in whatever version it is in. */
  custom: boolean;
  codec: ObjectCodec;
  strategy: Strategy<any>;
  /** The resource as another of its versions is served, for objects that were stored in that one. */
  served(apiVersion: string): { codec: ObjectCodec; conversion: Conversion<any> | undefined } | undefined;
}

/** `k8s:enc:<provider>:<version>:<key name>:`, as encryption at rest marks what it sealed. */
const sealed = /^k8s:enc:([a-z0-9]+:v\d+(?::[^:]+)?):/;

/**
 * Versions that are not served here, whose objects have the fields, and the numbers, of the version that is:
 * kube-apiserver 1.36 stores mutating admission policies in the first, earlier ones stored other kinds in the rest.
 */
const alike = new Set(['admissionregistration.k8s.io/v1beta1', 'admissionregistration.k8s.io/v1alpha1', 'networking.k8s.io/v1beta1', 'networking.k8s.io/v1alpha1', 'storage.k8s.io/v1beta1', 'storage.k8s.io/v1alpha1']);

export function storedReader(stored: StoredKind): StoredReader {
  const { apiVersion, kind, custom, codec, strategy, served } = stored;
  return {
    head: headOf(apiVersion, kind),
    foreign(value, key) {
      const seal = sealed.exec(value.toString('latin1', 0, 200));
      if (seal) throw new UnreadableValue(key, `is encrypted at rest (${seal[1]}): have it rewritten without encryption by the server that wrote it`);
      try {
        const raw = isProtobuf(value) ? decodeProtobuf(value, { apiVersion, kind }) : (parseStored(value.toString()) as KubeObject);
        // The names of a custom kind may have changed since.
        if (custom) return raw as KubeObject;
        if (raw.kind !== kind) throw new WireError(`it is of kind ${JSON.stringify(raw.kind)} in ${JSON.stringify(raw.apiVersion)}`);
        const from = raw.apiVersion ?? '';
        const other = from === apiVersion ? undefined : served(from);
        if (from !== apiVersion && !other && !alike.has(from)) throw new WireError(`its version ${from} is not known`);
        const { object } = other?.conversion ? { object: other.conversion.toStorage(other.codec.decode(raw).object) } : codec.decode(raw);
        object.kind = kind;
        object.apiVersion = apiVersion;
        codec.defaults(object);
        strategy.defaults?.(object);
        return object;
      } catch (error) {
        throw new UnreadableValue(key, `cannot be read as a ${kind}: ${messageOf(error)}`, { cause: error });
      }
    },
  };
}
