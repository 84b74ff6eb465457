/**
 * Makes `generated/{rbac,cluster}.json`: what an empty Kubernetes cluster holds, read from dumps of one
 * (`kubectl get --raw` or `-o json` lists). Times, identities and what a running server fills in are taken out.
 *
 *     node generate.ts DIRECTORY    # with rbac.json and objects.json
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeObject } from '@pilothouse/apimachinery';

const out = join(import.meta.dirname, 'generated');
const fromServer = ['uid', 'resourceVersion', 'creationTimestamp', 'managedFields', 'generation', 'selfLink'];
/** Made from the server's own settings, or by controllers. */
const dynamic = new Set(['Service', 'Endpoints', 'EndpointSlice', 'Lease', 'ConfigMap', 'ServiceCIDR', 'IPAddress']);

function strip(object: any): KubeObject {
  const metadata = Object.fromEntries(Object.entries(object.metadata).filter(([key]) => !fromServer.includes(key)));
  const { status: _status, apiVersion, kind, ...rest } = object;
  return { apiVersion, kind, ...rest, metadata };
}

const order = (a: any, b: any) => `${a.kind}/${a.metadata.namespace ?? ''}/${a.metadata.name}`.localeCompare(`${b.kind}/${b.metadata.namespace ?? ''}/${b.metadata.name}`, 'en');

function write(name: string, objects: KubeObject[]): void {
  writeFileSync(join(out, name), `[\n${[...objects].sort(order).map((o) => JSON.stringify(o)).join(',\n')}\n]\n`);
}

const source = process.argv[2];
if (!source) throw new Error('give the directory that holds rbac.json and objects.json');
const read = (name: string): any[] => JSON.parse(readFileSync(join(source, name), 'utf8')).items;

write('rbac.json', read('rbac.json').map(strip));
write('cluster.json', read('objects.json').filter((o) => !dynamic.has(o.kind)).map(strip));
