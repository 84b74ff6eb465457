/** Every OpenAPI document the server offers, built on first use and kept as bytes. */
import { createHash } from 'node:crypto';
import { builtinGroups, builtinResources, builtinTypes, typeOfKind } from '@pilothouse/api-schemas';
import type { CustomResourceDefinition } from '@pilothouse/api-schemas/types/apiextensions/v1';
import type { RemoteSwagger } from '../aggregation/remote-open-api.ts';
import { clientVersions } from './client-versions.ts';
import { customPaths } from './custom-paths.ts';
import { commonTexts, customSchemas } from './custom-schema.ts';
import { encodeSwagger } from './gnostic.ts';
import { mergeSwagger } from './merge-swagger.ts';
import { groupCamel, tagOf } from './operations.ts';
import type { Descriptions, Dialect, JsonSchema } from './schemas.ts';
import { type CustomPart, swaggerDocument } from './v2.ts';
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
  /** Of what is served here and, merged into it, `more`: what other servers say of theirs. */
  v2(more?: readonly RemoteSwagger[]): Document;
  /** The same as gnostic's protobuf, under the same hash. */
  v2Protobuf(more?: readonly RemoteSwagger[]): Document;
  /** `path` as in the index: `api/v1`, `apis/apps/v1`. Undefined where there is no such document. */
  v3(path: string): Document | undefined;
  /** Whether `v3` has a document of this path. */
  has(path: string): boolean;
  /** The index at `/openapi/v3`; `more` stands in it beside or instead of what is served here. */
  index(more?: ReadonlyMap<string, { serverRelativeURL: string }>): Document;
}

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const pathOf = (group: string, version: string): string => (group ? `apis/${group}/${version}` : `api/${version}`);

/** Definitions of custom resources, as they are now. */
export type CustomSource = () => readonly CustomResourceDefinition[];

export function openApiDocuments(loadTexts: () => OpenApiTexts, custom: CustomSource = () => []): OpenApiDocuments {
  const groupVersions = builtinGroups.flatMap((g) => g.versions.map((version) => ({ group: g.name, version })));
  const prefixes = groupVersions.map(({ group, version }) => `${groupCamel(group)}${version[0].toUpperCase()}${version.slice(1)}`).sort((a, b) => b.length - a.length);
  const roots = rootDocuments(builtinGroups.map((g) => g.name).filter(Boolean));
  const cache = new Map<string, Document & { stamp: string }>();
  let texts: OpenApiTexts | undefined;
  let protobuf: Document | undefined;

  /** `everyGroup`: the group versions of kinds that each group has. */
  const input = (group: string, version: string, everyGroup?: typeof clientVersions): DocumentInput => {
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
        const in_ = everyGroup ?? [{ group: '', version: 'v1' }, ...(group ? [{ group, version }] : [])];
        return in_.map((gv) => ({ group: gv.group, version: gv.version, kind: everywhere[1] }));
      },
    };
  };
  /** `stamp`: of what the document is made from besides what never changes. */
  const keep = (key: string, build: () => JsonSchema, stamp = ''): Document => {
    let found = cache.get(key);
    if (found?.stamp !== stamp) {
      const bytes = Buffer.from(JSON.stringify(build()));
      found = { bytes, hash: createHash('sha512').update(bytes).digest('hex').toUpperCase(), stamp };
      cache.set(key, found);
    }
    return found;
  };
  const customVersions = (): CustomVersion[] => {
    const versions = new Map<string, CustomVersion>();
    for (const crd of custom()) {
      for (const { name: version, served } of crd.spec.versions) {
        const path = pathOf(crd.spec.group, version);
        if (!served || groupVersions.some((gv) => gv.group === crd.spec.group && gv.version === version)) continue;
        const known = versions.get(path) ?? { path, group: crd.spec.group, version, crds: [], stamp: '' };
        known.crds.push(crd);
        known.stamp += `${crd.metadata.uid}@${crd.metadata.generation} `;
        versions.set(path, known);
      }
    }
    return [...versions.values()];
  };
  const stampOf = (versions: readonly CustomVersion[]): string => versions.map(({ path, stamp }) => `${path} ${stamp}`).join('');
  const partOf = ({ group, version, crds }: CustomVersion, dialect: Dialect): CustomPart => {
    texts ??= loadTexts();
    const common = commonTexts(texts.types);
    return { group, version, items: crds.flatMap((crd) => customPaths(crd, version)), schemas: new Map(crds.flatMap((crd) => [...customSchemas(crd, version, dialect, common)])) };
  };
  const customDocument = (of: CustomVersion): Document => {
    const { bytes } = keep(of.path, () => {
      const { items, schemas } = partOf(of, 'v3');
      return document(items, tagOf(of.group, of.version), input('', 'v1', clientVersions), schemas);
    }, of.stamp);
    return { bytes, hash: hashOf(of) };
  };
  /** Known without the document, so that the index takes none of them. */
  const hashOf = ({ path, stamp }: CustomVersion): string => createHash('sha512').update(`${path} ${stamp}`).digest('hex').toUpperCase();
  return {
    v2(more = []) {
      const versions = customVersions();
      const build = (): JsonSchema => swaggerDocument(groupVersions.map(({ group, version }) => input(group, version, groupVersions)), [...builtinTypes.keys(), ...scalarTypes], versions.map((of) => partOf(of, 'v2')));
      const merged = (): JsonSchema => {
        const document = build();
        for (const other of more) mergeSwagger(document, other.document);
        return document;
      };
      return keep('v2', merged, `${stampOf(versions)}${more.map(({ stamp }) => stamp).join()}`);
    },
    v2Protobuf(more) {
      const { bytes, hash } = this.v2(more);
      if (protobuf?.hash !== hash) protobuf = { bytes: encodeSwagger(JSON.parse(Buffer.from(bytes).toString())), hash };
      return protobuf;
    },
    v3(path) {
      const found = groupVersions.find((gv) => pathOf(gv.group, gv.version) === path);
      const beside = roots.get(path);
      if (beside) return keep(path, () => document([beside.item], beside.tag, input('', 'v1')));
      if (found) return keep(path, () => groupVersionDocument(input(found.group, found.version)));
      const of = customVersions().find((one) => one.path === path);
      return of && customDocument(of);
    },
    has: (path) => roots.has(path) || groupVersions.some((gv) => pathOf(gv.group, gv.version) === path) || customVersions().some((of) => of.path === path),
    index(more = new Map()) {
      const versions = customVersions();
      const paths = [...groupVersions.map(({ group, version }) => pathOf(group, version)), ...roots.keys()];
      const hashes = (): [string, string][] => [...paths.map((path): [string, string] => [path, this.v3(path)!.hash]), ...versions.map((of): [string, string] => [of.path, hashOf(of)])];
      const inUse = new Set([...paths, ...versions.map((of) => of.path), 'v2', 'index']);
      for (const key of cache.keys()) if (!inUse.has(key)) cache.delete(key);
      const entries = (): [string, { serverRelativeURL: string }][] => [...hashes().filter(([path]) => !more.has(path)).map(([path, hash]): [string, { serverRelativeURL: string }] => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }]), ...more];
      const elsewhere = [...more].map(([path, { serverRelativeURL }]) => `${path} ${serverRelativeURL}`).sort().join();
      return keep('index', () => ({ paths: Object.fromEntries(entries().sort(([a], [b]) => (a < b ? -1 : 1))) }), `${stampOf(versions)}${elsewhere}`);
    },
  };
}

interface CustomVersion {
  path: string;
  group: string;
  version: string;
  crds: CustomResourceDefinition[];
  stamp: string;
}

const scalarTypes = ['io.k8s.apimachinery.pkg.api.resource.Quantity', `${meta}.Time`, `${meta}.MicroTime`, `${meta}.FieldsV1`, `${meta}.Patch`, 'io.k8s.apimachinery.pkg.runtime.RawExtension', 'io.k8s.apimachinery.pkg.util.intstr.IntOrString', ...['JSON', 'JSONSchemaPropsOrArray', 'JSONSchemaPropsOrBool', 'JSONSchemaPropsOrStringArray'].map((name) => `io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.${name}`)];
