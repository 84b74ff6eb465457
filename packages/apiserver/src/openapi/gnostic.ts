/**
 * An OpenAPI v2 document as gnostic's protobuf (`openapi.v2.Document`), which kubectl asks for. The messages are tables:
 * field numbers are those of gnostic's OpenAPIv2.proto. Keys that a message does not have are left out.
 */
import { Writer } from '@pilothouse/apimachinery';

/** Writes the content of one value, from its end; the caller adds key and length. */
type Content = (writer: Writer, value: any) => void;

interface Field {
  number: number;
  /** Writes the field with its key, where the message's JSON has it. */
  write(writer: Writer, object: any): void;
}

const varintField = (writer: Writer, number: number, value: number): void => {
  writer.varint(value);
  writer.varint(number * 8);
};
const embedded = (writer: Writer, number: number, content: Content, value: unknown): void => {
  const mark = writer.length;
  content(writer, value);
  writer.closeMessage(number, mark);
};

const text: Content = (writer, value) => writer.text(String(value));
/** gnostic keeps free-form values as YAML, of which JSON is a part: `{ yaml: 2 }`. */
const any: Content = (writer, value) => embedded(writer, 2, text, `${JSON.stringify(value)}\n`);

/** A field of one value, by its JSON key. */
const one = (number: number, key: string, content: Content): Field => ({ number, write: (writer, object) => void (object[key] !== undefined && embedded(writer, number, content, object[key])) });
const string = (number: number, key: string): Field => one(number, key, text);
const bool = (number: number, key: string): Field => ({ number, write: (writer, object) => void (object[key] && varintField(writer, number, 1)) });
const int = (number: number, key: string): Field => ({ number, write: (writer, object) => void (object[key] && varintField(writer, number, object[key])) });
const double = (number: number, key: string): Field => ({
  number,
  write(writer, object) {
    if (!object[key]) return;
    writer.double(object[key]);
    writer.varint(number * 8 + 1);
  },
});

function repeated(writer: Writer, number: number, content: Content, values: readonly unknown[]): void {
  for (let i = values.length - 1; i >= 0; i--) embedded(writer, number, content, values[i]);
}
const list = (number: number, key: string, content: Content): Field => ({ number, write: (writer, object) => void (object[key] && repeated(writer, number, content, object[key])) });
const strings = (number: number, key: string): Field => list(number, key, text);

/** `{ name: 1, value: 2 }` for each entry. */
const entry = (value: Content): Content => (writer, [key, of]: [string, unknown]) => {
  embedded(writer, 2, value, of);
  embedded(writer, 1, text, key);
};
/** A message of nothing but named values. */
const named = (value: Content): Content => (writer, map) => repeated(writer, 1, entry(value), Object.entries(map));
/** The entries whose keys are chosen, as a repeated field of the message itself. */
const entries = (number: number, chosen: (key: string) => boolean, value: Content): Field => ({ number, write: (writer, object) => repeated(writer, number, entry(value), Object.entries(object).filter(([key]) => chosen(key))) });
const isExtension = (key: string): boolean => key.startsWith('x-');
const extensions = (number: number): Field => entries(number, isExtension, any);

function message(fields: () => readonly Field[]): Content {
  let sorted: Field[] | undefined;
  return (writer, object) => {
    sorted ??= [...fields()].sort((a, b) => b.number - a.number);
    for (const field of sorted) field.write(writer, object);
  };
}
/** A message with one of several values, by number. */
const oneOf = (choose: (value: any) => [number: number, content: Content]): Content => (writer, value) => embedded(writer, ...choose(value), value);

const externalDocs = message(() => [string(1, 'description'), string(2, 'url'), extensions(3)]);
const jsonReference = message(() => [string(1, '$ref'), string(2, 'description')]);

/** What parameters, headers and items say of a primitive value, its fields numbered from `from` on. */
const primitive = (from: number): Field[] => [
  string(from, 'type'), string(from + 1, 'format'), one(from + 2, 'items', primitivesItems), string(from + 3, 'collectionFormat'), one(from + 4, 'default', any),
  double(from + 5, 'maximum'), bool(from + 6, 'exclusiveMaximum'), double(from + 7, 'minimum'), bool(from + 8, 'exclusiveMinimum'), int(from + 9, 'maxLength'), int(from + 10, 'minLength'),
  string(from + 11, 'pattern'), int(from + 12, 'maxItems'), int(from + 13, 'minItems'), bool(from + 14, 'uniqueItems'), list(from + 15, 'enum', any), double(from + 16, 'multipleOf'),
];
const primitivesItems: Content = message(() => [...primitive(1), extensions(18)]);
const header = message(() => [...primitive(1), string(18, 'description'), extensions(19)]);
const parameterHead = [bool(1, 'required'), string(2, 'in'), string(3, 'description'), string(4, 'name')];
const parameterWithValue = message(() => [...parameterHead, ...primitive(5), extensions(22)]);
const parameterMaybeEmpty = message(() => [...parameterHead, bool(5, 'allowEmptyValue'), ...primitive(6), extensions(23)]);
const bodyParameter = message(() => [string(1, 'description'), string(2, 'name'), string(3, 'in'), bool(4, 'required'), one(5, 'schema', schema), extensions(6)]);
const nonBodyParameters: Readonly<Record<string, [number, Content]>> = { header: [1, parameterWithValue], formData: [2, parameterMaybeEmpty], query: [3, parameterMaybeEmpty], path: [4, parameterWithValue] };
const nonBodyParameter = oneOf((value) => nonBodyParameters[value.in]);
const parameter = oneOf((value) => (value.in === 'body' ? [1, bodyParameter] : [2, nonBodyParameter]));
const parametersItem = oneOf((value) => (value.$ref ? [2, jsonReference] : [1, parameter]));

const additionalProperties: Content = (writer, value) => {
  if (typeof value === 'boolean') varintField(writer, 2, value ? 1 : 0);
  else embedded(writer, 1, schema, value);
};
const asList = (content: Content): Content => (writer, value) => repeated(writer, 1, content, Array.isArray(value) ? value : [value]);
const xml = message(() => [string(1, 'name'), string(2, 'namespace'), string(3, 'prefix'), bool(4, 'attribute'), bool(5, 'wrapped'), extensions(6)]);
const schema: Content = message(() => [
  string(1, '$ref'), string(2, 'format'), string(3, 'title'), string(4, 'description'), one(5, 'default', any), double(6, 'multipleOf'), double(7, 'maximum'), bool(8, 'exclusiveMaximum'),
  double(9, 'minimum'), bool(10, 'exclusiveMinimum'), int(11, 'maxLength'), int(12, 'minLength'), string(13, 'pattern'), int(14, 'maxItems'), int(15, 'minItems'), bool(16, 'uniqueItems'),
  int(17, 'maxProperties'), int(18, 'minProperties'), strings(19, 'required'), list(20, 'enum', any), one(21, 'additionalProperties', additionalProperties), one(22, 'type', asList(text)),
  one(23, 'items', asList(schema)), list(24, 'allOf', schema), one(25, 'properties', named(schema)), string(26, 'discriminator'), bool(27, 'readOnly'), one(28, 'xml', xml),
  one(29, 'externalDocs', externalDocs), one(30, 'example', any), extensions(31),
]);

const schemaItem: Content = oneOf(() => [1, schema]);
const response = message(() => [string(1, 'description'), one(2, 'schema', schemaItem), one(3, 'headers', named(header)), one(4, 'examples', named(any)), extensions(5)]);
const responseValue = oneOf((value) => (value.$ref ? [2, jsonReference] : [1, response]));
const responses = message(() => [entries(1, (key) => !isExtension(key), responseValue), extensions(2)]);
const securityRequirement = named(asList(text));
const operation = message(() => [
  strings(1, 'tags'), string(2, 'summary'), string(3, 'description'), one(4, 'externalDocs', externalDocs), string(5, 'operationId'), strings(6, 'produces'), strings(7, 'consumes'),
  list(8, 'parameters', parametersItem), one(9, 'responses', responses), strings(10, 'schemes'), bool(11, 'deprecated'), list(12, 'security', securityRequirement), extensions(13),
]);
const pathItem = message(() => [string(1, '$ref'), ...['get', 'put', 'post', 'delete', 'options', 'head', 'patch'].map((method, i) => one(i + 2, method, operation)), list(9, 'parameters', parametersItem), extensions(10)]);
const paths = message(() => [extensions(1), entries(2, (key) => key.startsWith('/'), pathItem)]);

const basicSecurity = message(() => [string(1, 'type'), string(2, 'description'), extensions(3)]);
const apiKeySecurity = message(() => [string(1, 'type'), string(2, 'name'), string(3, 'in'), string(4, 'description'), extensions(5)]);
const oauth2 = (...keys: string[]): Content => message(() => [string(1, 'type'), string(2, 'flow'), one(3, 'scopes', named(text)), ...keys.map((key, i) => string(i + 4, key)), extensions(keys.length + 4)]);
const oauth2Flows: Readonly<Record<string, [number, Content]>> = {
  implicit: [3, oauth2('authorizationUrl', 'description')],
  password: [4, oauth2('tokenUrl', 'description')],
  application: [5, oauth2('tokenUrl', 'description')],
  accessCode: [6, oauth2('authorizationUrl', 'tokenUrl', 'description')],
};
const securityDefinition = oneOf((value) => (value.type === 'basic' ? [1, basicSecurity] : value.type === 'apiKey' ? [2, apiKeySecurity] : oauth2Flows[value.flow]));

const contact = message(() => [string(1, 'name'), string(2, 'url'), string(3, 'email'), extensions(4)]);
const license = message(() => [string(1, 'name'), string(2, 'url'), extensions(3)]);
const info = message(() => [string(1, 'title'), string(2, 'version'), string(3, 'description'), string(4, 'termsOfService'), one(5, 'contact', contact), one(6, 'license', license), extensions(7)]);
const tag = message(() => [string(1, 'name'), string(2, 'description'), one(3, 'externalDocs', externalDocs), extensions(4)]);
const document = message(() => [
  string(1, 'swagger'), one(2, 'info', info), string(3, 'host'), string(4, 'basePath'), strings(5, 'schemes'), strings(6, 'consumes'), strings(7, 'produces'), one(8, 'paths', paths),
  one(9, 'definitions', named(schema)), one(10, 'parameters', named(parameter)), one(11, 'responses', named(response)), list(12, 'security', securityRequirement),
  one(13, 'securityDefinitions', named(securityDefinition)), list(14, 'tags', tag), one(15, 'externalDocs', externalDocs), extensions(16),
]);

/** A parsed OpenAPI v2 document as protobuf. */
export function encodeSwagger(swagger: object): Uint8Array {
  const writer = new Writer(1 << 20);
  document(writer, swagger);
  return writer.bytes();
}
