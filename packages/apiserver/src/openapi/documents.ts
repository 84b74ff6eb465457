/** Every OpenAPI document the server offers, built on first use and kept as bytes. */
import { createHash } from 'node:crypto';
import { builtinGroups, builtinResources, builtinTypes, typeOfKind } from '@pilothouse/api-schemas';
import { encodeSwagger } from './gnostic.ts';
import { groupCamel } from './operations.ts';
import type { Descriptions, JsonSchema } from './schemas.ts';
import { swaggerDocument } from './v2.ts';
import { rootDocuments } from './root-paths.ts';
import { document, type DocumentInput, groupVersionDocument } from './v3.ts';

/** Texts for the documents, written beside the program by the build; empty where there are none. */
export interface OpenApiTexts {
  types: Descriptions;
  parameters: Readonly<Record<string, string>>;
}
export const noTexts: OpenApiTexts = { types: {}, parameters: {} };

export interface Document {
  bytes: Uint8Array;
  /** Upper-case hex SHA-512 of the bytes: the etag, and the `hash` in the index. */
  hash: string;
}

export interface OpenApiDocuments {
  v2(): Document;
  /** The same as gnostic's protobuf, under the same hash. */
  v2Protobuf(): Document;
  /** `path` as in the index: `api/v1`, `apis/apps/v1`. Undefined where there is no such document. */
  v3(path: string): Document | undefined;
  /** The index at `/openapi/v3`. */
  index(): Document;
}

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';

export function openApiDocuments(loadTexts: () => OpenApiTexts): OpenApiDocuments {
  const groupVersions = builtinGroups.flatMap((g) => g.versions.map((version) => ({ group: g.name, version })));
  const prefixes = groupVersions.map(({ group, version }) => `${groupCamel(group)}${version[0].toUpperCase()}${version.slice(1)}`).sort((a, b) => b.length - a.length);
  const roots = rootDocuments(builtinGroups.map((g) => g.name).filter(Boolean));
  const cache = new Map<string, Document>();
  let texts: OpenApiTexts | undefined;
  let protobuf: Document | undefined;

  const input = (group: string, version: string, allGroups: boolean): DocumentInput => {
    texts ??= loadTexts();
    const { types, parameters } = texts;
    return {
      group, version,
      facts: builtinResources.filter((r) => r.group === group && r.version === version),
      typeName: (g, v, kind) => typeOfKind(g, v, kind)?.name,
      descriptions: types,
      parameterText(operationId, parameter) {
        const prefix = prefixes.find((p) => operationId.includes(p)) ?? '';
        return parameters[`${operationId.replace(prefix, '')}.${parameter}`] ?? parameters[parameter];
      },
      gvksOf(name) {
        const own = builtinTypes.get(name)?.gvk;
        if (own) return own;
        const everywhere = /\.(DeleteOptions|WatchEvent)$/.exec(name);
        if (!everywhere) return [];
        const in_ = allGroups ? groupVersions : [{ group: '', version: 'v1' }, ...(group ? [{ group, version }] : [])];
        return in_.map((gv) => ({ group: gv.group, version: gv.version, kind: everywhere[1] }));
      },
    };
  };
  const keep = (key: string, build: () => JsonSchema): Document => {
    let found = cache.get(key);
    if (!found) {
      const bytes = Buffer.from(JSON.stringify(build()));
      found = { bytes, hash: createHash('sha512').update(bytes).digest('hex').toUpperCase() };
      cache.set(key, found);
    }
    return found;
  };
  const pathOf = (group: string, version: string) => (group ? `apis/${group}/${version}` : `api/${version}`);
  return {
    v2: () => keep('v2', () => swaggerDocument(groupVersions.map(({ group, version }) => input(group, version, true)), [...builtinTypes.keys(), ...scalarTypes])),
    v2Protobuf() {
      const { bytes, hash } = this.v2();
      if (protobuf?.hash !== hash) protobuf = { bytes: encodeSwagger(JSON.parse(Buffer.from(bytes).toString())), hash };
      return protobuf;
    },
    v3(path) {
      const found = groupVersions.find((gv) => pathOf(gv.group, gv.version) === path);
      const beside = roots.get(path);
      if (beside) return keep(path, () => document([beside.item], beside.tag, input('', 'v1', false)));
      return found && keep(path, () => groupVersionDocument(input(found.group, found.version, false)));
    },
    index() {
      return keep('index', () => ({
        paths: Object.fromEntries([...groupVersions.map(({ group, version }) => pathOf(group, version)), ...roots.keys()].sort().map((path) => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${this.v3(path)!.hash}` }])),
      }));
    },
  };
}

const scalarTypes = ['io.k8s.apimachinery.pkg.api.resource.Quantity', `${meta}.Time`, `${meta}.MicroTime`, `${meta}.FieldsV1`, `${meta}.Patch`, 'io.k8s.apimachinery.pkg.runtime.RawExtension', 'io.k8s.apimachinery.pkg.util.intstr.IntOrString', ...['JSON', 'JSONSchemaPropsOrArray', 'JSONSchemaPropsOrBool', 'JSONSchemaPropsOrStringArray'].map((name) => `io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.${name}`)];
