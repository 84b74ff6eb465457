import { describe, expect, test } from 'vitest';
import { rulesOf } from '../testing.ts';

const { create, update } = rulesOf('apiextensions.k8s.io', 'customresourcedefinitions');
const plain = { type: 'object' };
const version = (schema: object = plain, more: object = {}) => ({ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema }, ...more });
const definition = (versions: object[], more: object = {}) => ({ metadata: { name: 'things.a.io' }, spec: { group: 'a.io', scope: 'Namespaced', names: { plural: 'things', kind: 'Thing' }, versions, ...more } });
const withSchema = (schema: object, more: object = {}) => create(definition([version(schema, more)]));
const root = 'spec.validation.openAPIV3Schema';
const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });

test('a plain definition is fine', () => expect(withSchema(plain)).toEqual([]));

const list = (more: object, items: object = { type: 'string' }) => object({ l: { type: 'array', items, ...more } });
const l = `${root}.properties[l]`;
const keyed = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] };

describe('a schema', () => {
  test.each<[object, string[]]>([
    [{ ...plain, nullable: true }, [`${root}.nullable: Forbidden: nullable cannot be true at the root`]],
    [{ ...plain, $schema: 'x' }, [`${root}: Invalid value: "": OpenAPIV3Schema 'schema' is not supported`]],
    [{ ...plain, id: 'x', $ref: 'y' }, [`${root}.id: Forbidden: id is not supported`, `${root}.$ref: Forbidden: $ref is not supported`]],
    [object({ a: { type: 'string', pattern: '(' } }), [`${root}.properties[a].pattern: Invalid value: "(": must be a valid regular expression, but isn't: error parsing regexp: missing closing ): \`(\``]],
    // What narrows must be part of the shape.
    [object({ a: { type: 'string' } }, { anyOf: [{ properties: { b: { minLength: 1 } } }] }), [`${root}.properties[b]: Required value: because it is defined in ${root}.anyOf[0].properties[b]`]],
    [object({ a: { type: 'string' } }, { not: { properties: { a: { items: { minLength: 1 } } } } }), [`${root}.properties[a].items: Required value: because it is defined in ${root}.not.properties[a].items`]],
    [object({ a: { type: 'object' } }, { allOf: [{ oneOf: [{ properties: { a: { properties: { c: {} } } } }] }] }), [`${root}.properties[a].properties[c]: Required value: because it is defined in ${root}.allOf[0].oneOf[0].properties[a].properties[c]`]],
    // Numbers or strings.
    [object({ a: { type: 'string', anyOf: [{ type: 'integer' }, { type: 'string' }] } }), []],
    [object({ a: { 'x-kubernetes-int-or-string': true, allOf: [{ anyOf: [{ type: 'integer' }, { type: 'string' }] }, { pattern: 'x' }] } }), []],
    [object({ a: { type: 'string', anyOf: [{ type: 'string' }] } }), [`${root}.properties[a].anyOf[0].type: Forbidden: must be empty to be structural`]],
    [object({ a: { type: 'object', not: { additionalProperties: false } } }), []],
    [object({ a: { type: 'object', not: { additionalProperties: true } } }), [`${root}.properties[a].not.additionalProperties: Forbidden: must be undefined to be structural`]],
    [{ type: 'object', additionalProperties: false }, [`${root}.additionalProperties: Forbidden: must not be used at the root`]],
    // Metadata.
    [object({ metadata: object({ name: { type: 'string', default: 'x' } }) }), [`${root}.properties[metadata].properties[name].default: Forbidden: must not be set in top-level metadata`]],
    [object({ e: object({ metadata: object({ labels: { type: 'object', additionalProperties: { type: 'string', default: 'x' } } }) }, { 'x-kubernetes-embedded-resource': true }) }), [`${root}.properties[e].properties[metadata].properties[labels].additionalProperties.default: Forbidden: must not be set inside additionalProperties applying to object metadata`]],
    // Lists.
    [list({ 'x-kubernetes-list-type': 'set' }, { type: 'string', nullable: true }), [`${l}.items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is set`]],
    [list({ 'x-kubernetes-list-type': 'set' }, { type: 'object' }), [`${l}.items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set`]],
    [list(keyed, object({ k: { type: 'string', nullable: true } })), [
      `${l}.items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
      `${l}.items.properties[k].nullable: Forbidden: this property is in x-kubernetes-list-map-keys, so it cannot be nullable`,
    ]],
    [list(keyed, object({ k: { type: 'object' } }, { required: ['k'] })), [`${l}.items.properties[k].type: Invalid value: "object": must be a scalar type if parent array's x-kubernetes-list-type is map`]],
    [object({ a: { type: 'object', 'x-kubernetes-preserve-unknown-fields': false } }), [`${root}.properties[a].x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined`]],
  ])('%j', (schema, findings) => expect(withSchema(schema)).toEqual(findings));

  test('says little at the root where there is a status subresource', () => {
    const status = { subresources: { status: {} } };
    expect(withSchema(plain, status)).toEqual([]);
    expect(withSchema({ ...plain, 'x-kubernetes-map-type': 'atomic' }, status)[0]).toMatch(/^spec\.validation\.openAPIV3Schema: Invalid value: \{"ID":"","Schema":"","Ref":null,"Description":"","Type":"object",.*"XMapType":"atomic","XValidations":null\}: only \[Description Type Format Title .* XPreserveUnknownFields XValidations\] fields are allowed at the root of the schema if the status subresource is enabled$/);
    expect(withSchema({ ...plain, nullable: true }, status)).toHaveLength(2);
  });
});

describe('versions', () => {
  const fields = (jsonPath: string) => ({ selectableFields: [{ jsonPath }] });
  const schema = object({ spec: object({ a: { type: 'string' }, o: { type: 'object' } }) });
  const at = 'spec.selectableFields[0].jsonPath';
  test.each<[object, object, string[]]>([
    [schema, fields('.spec.a'), []],
    [schema, fields('spec.a'), [`${at}: Invalid value: "spec.a": is an invalid path: expected [ or . but got: spec`]],
    [schema, fields(".spec['a']"), [`${at}: Invalid value: ".spec['a']": is an invalid path: array notation is not allowed`]],
    [schema, fields('.spec.'), [`${at}: Invalid value: ".spec.": is an invalid path: unexpected end of JSON path`]],
    [schema, fields('.spec.b'), [`${at}: Invalid value: ".spec.b": is an invalid path: does not refer to a valid field`]],
    [schema, fields('.spec.o'), [`${at}: Invalid value: ".spec.o": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.`]],
    [plain, { deprecated: true, deprecationWarning: 'é\u00a0' }, ['spec.versions[0].deprecationWarning: Invalid value: "é\\u00a0": must only contain printable UTF-8 characters; non-printable character found at index 2']],
  ])('%j with %j', (schema, more, findings) => expect(withSchema(schema, more)).toEqual(findings));

  test('share what is selectable only where they share their schema', () => {
    const other = { name: 'v2', storage: false };
    const shared = create(definition([version(schema, fields('.spec.a')), version(object({ spec: object({ a: { type: 'string' } }) }), { ...fields('.spec.a'), ...other })]));
    expect(shared).toEqual(['spec.selectableFields: Invalid value: "": may only be set when validations.schema is included']);
    expect(create(definition([version(schema, fields('.spec.a')), version(schema, other)]))).toEqual(['spec.versions[0].selectableFields: Invalid value: "": may only be set when `version.schema.openAPIV3Schema` is not included']);
  });

  test('are shown as upstream holds them', () => {
    expect(create(definition([version(plain, { storage: false })]))[0]).toBe('spec.versions: Invalid value: [{"Name":"v1","Served":true,"Storage":false,"Deprecated":false,"DeprecationWarning":null,"Schema":null,"Subresources":null,"AdditionalPrinterColumns":null,"SelectableFields":null}]: must have exactly one version marked as storage version');
  });
});

test('defaults need pruning', () => {
  expect(create(definition([version(object({ a: { type: 'string', default: 'x' } }))], { preserveUnknownFields: true }))[0]).toBe('spec.preserveUnknownFields: Invalid value: true: must be false in order to use defaults in the schema');
});

test('bundles of certificates are looked at once somebody relies on the definition', () => {
  const webhook = (caBundle: string) => ({ conversion: { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'], clientConfig: { url: 'https://h', caBundle } } } });
  const established = { status: { conditions: [{ type: 'Established', status: 'True', reason: '', message: '', lastTransitionTime: null }], storedVersions: ['v1'], acceptedNames: { plural: 'things', kind: 'Thing' } } };
  expect(create(definition([version()], webhook('eA==')))).toEqual([]);
  const good = { ...definition([version()]), ...established };
  expect(update(good, { ...definition([version()], webhook('eA==')), ...established })).toEqual(['spec.conversion.webhookClientConfig.caBundle: Invalid value: "eA==": unable to load root certificates: unable to parse bytes as PEM block']);
  expect(update({ ...definition([version()], webhook('eA==')), ...established }, { ...definition([version()], webhook('eQ==')), ...established })).toEqual([]);
});
