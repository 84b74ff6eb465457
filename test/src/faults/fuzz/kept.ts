/** What must hold of an object once it is stored: it can be read, listed, watched, and put back unchanged, in every form. */
import { decodeProtobuf, encodeProtobuf, parseYaml, writeYaml } from '@pilothouse/apimachinery';
import { protobufType } from '@pilothouse/apiserver/request/negotiate';
import type { Answer, FuzzRequest } from './request.ts';

type Send = (request: FuzzRequest, options?: { streamMs?: number }) => Promise<Answer>;

export interface Kept {
  /** Path of the list that the object is in. */
  collection: string;
  name: string;
  /** Custom objects have no protobuf form. */
  protobuf: boolean;
}

const canonical = (value: unknown): string => JSON.stringify(value, (_key, member: unknown) => (typeof member === 'object' && member !== null && !Array.isArray(member) ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1))) : member));

/** The first thing that does not hold. Looks again where the object may have been changed meanwhile: some kinds have controllers in the server. */
export async function keptFault(send: Send, kept: Kept): Promise<string | undefined> {
  let fault: string | undefined;
  for (let attempt = 0; attempt < 3; attempt++) {
    fault = await faultNow(send, kept);
    if (!fault || !/differ|watched/.test(fault)) return fault;
  }
  return fault;
}

async function faultNow(send: Send, { collection, name, protobuf }: Kept): Promise<string | undefined> {
  const path = `${collection}/${encodeURIComponent(name)}`;
  const read = await send({ method: 'GET', url: path, headers: {} });
  if (read.status === 404) return undefined;
  if (read.status !== 200) return `a stored object cannot be read back: ${read.status}`;
  const text = read.body.toString();
  const object = JSON.parse(text) as { metadata: { name: string; resourceVersion: string; deletionTimestamp?: string } };
  if (object.metadata.name !== name) return 'a stored object is read back under another name';
  const listed = await send({ method: 'GET', url: `${collection}?fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`, headers: {} });
  const items = listed.status === 200 ? (JSON.parse(listed.body.toString()) as { items: { metadata: { name: string } }[] }).items : undefined;
  if (items?.length !== 1 || items[0].metadata.name !== name) return `a stored object is not listed (${listed.status})`;
  const table = await send({ method: 'GET', url: path, headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } });
  if (table.status !== 200) return `a stored object cannot be shown as a Table: ${table.status} ${table.body.toString().slice(0, 200)}`;
  const watched = await send({ method: 'GET', url: `${collection}?watch=1&timeoutSeconds=1&resourceVersion=${Number(object.metadata.resourceVersion) - 1}&fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`, headers: {} }, { streamMs: 5 });
  if (!watched.body.toString().includes(text.trim())) return `a stored object is not watched as it is read (${watched.status} ${watched.body.toString().slice(0, 200)})`;
  if (object.metadata.deletionTimestamp) return undefined;
  const forms: { what: string; type: string; body: Buffer }[] = [
    { what: 'JSON', type: 'application/json', body: read.body },
    { what: 'YAML of ours', type: 'application/yaml', body: Buffer.from(writeYaml(object)) },
  ];
  const yaml = await send({ method: 'GET', url: path, headers: { accept: 'application/yaml' } });
  if (yaml.status !== 200) return `a stored object cannot be read as YAML: ${yaml.status}`;
  if (canonical(parseYaml(yaml.body.toString())) !== canonical(object)) return 'a stored object reads differently as YAML';
  if (protobuf) {
    const bytes = await send({ method: 'GET', url: path, headers: { accept: protobufType } });
    if (bytes.status !== 200) return `a stored object cannot be read as protobuf: ${bytes.status} ${bytes.body.toString().slice(0, 200)}`;
    const again = Buffer.from(encodeProtobuf(decodeProtobuf(bytes.body)));
    if (!again.equals(bytes.body)) return 'protobuf decoded and encoded again is other protobuf';
    forms.push({ what: 'protobuf', type: protobufType, body: bytes.body });
  }
  for (const { what, type, body } of forms) {
    const put = await send({ method: 'PUT', url: path, headers: { 'content-type': type }, body });
    const answer = put.body.toString();
    if (put.status !== 200) return `a stored object cannot be put back unchanged as ${what}: ${put.status} ${reasonOf(answer)}`;
    const changed = JSON.parse(answer) as typeof object & { metadata: { managedFields?: unknown } };
    // Whoever puts it back owns its fields from then on: that alone may differ.
    if (canonical(withoutBookkeeping(changed)) !== canonical(withoutBookkeeping(object as typeof changed))) return `a stored object put back unchanged as ${what} comes to differ`;
    object.metadata.resourceVersion = changed.metadata.resourceVersion;
    for (const form of forms) if (form.type !== protobufType) form.body = Buffer.from(form.what === 'JSON' ? answer : writeYaml(changed));
    if (protobuf) for (const form of forms) if (form.type === protobufType) form.body = Buffer.from(encodeProtobuf(decodeProtobuf(Buffer.from((await send({ method: 'GET', url: path, headers: { accept: protobufType } })).body))));
  }
  return undefined;
}

const withoutBookkeeping = <T extends { metadata: { managedFields?: unknown; resourceVersion?: string } }>(object: T): T => ({ ...object, metadata: { ...object.metadata, managedFields: undefined, resourceVersion: undefined } });

const reasonOf = (answer: string): string => {
  try {
    return (JSON.parse(answer) as { message?: string }).message?.replace(/"[^"]*"/g, '"…"').replace(/\d+/g, 'N').slice(0, 160) ?? '';
  } catch {
    return answer.slice(0, 100);
  }
};
