/** A container's environment: declared variables, sources, references between them, and the services of its namespace. */
import type { ConfigMap, Pod, Secret, Service } from '@pilothouse/api-schemas/types/core/v1';
import { fieldValue, type PodAddresses, resourceValue } from './downward.ts';
import { expand } from './expand.ts';
import type { AnyContainer } from './pod-facts.ts';

/** Reads what env variables come from; rejects as the API does, with NotFound for what is missing. */
export interface SourceReader {
  configMap(namespace: string, name: string): Promise<ConfigMap>;
  secret(namespace: string, name: string): Promise<Secret>;
  isNotFound(error: unknown): boolean;
}

export interface EnvInputs extends PodAddresses {
  pod: Pod;
  container: AnyContainer;
  services: readonly Service[];
  allocatable: Readonly<Record<string, string>>;
  sources: SourceReader;
  /** Reads a file of a volume of the pod (env from fileKeyRef); undefined: no such key. */
  fileKey?(ref: { volumeName: string; path: string; key: string; optional?: boolean }): Promise<string | undefined>;
  /** Told about keys of envFrom sources that cannot be variables. */
  skipped?(kind: 'ConfigMap' | 'Secret', name: string, keys: string[]): void;
}

const decode = (data: string) => Buffer.from(data, 'base64').toString('utf8');
/** What a name may not hold since names of any printable characters are allowed. */
const badName = (name: string) => name === '' || name.includes('=') || !/^[\x20-\x7e]+$/.test(name);

/** @throws Error whose message is the container's `CreateContainerConfigError` */
export async function makeEnvironment(inputs: EnvInputs): Promise<Map<string, string>> {
  const { pod, container, sources } = inputs;
  const namespace = pod.metadata.namespace!;
  const result = new Map<string, string>();
  const optionally = async <T>(read: Promise<T>, optional: boolean | undefined): Promise<T | undefined> => {
    try {
      return await read;
    } catch (error) {
      if (optional && sources.isNotFound(error)) return undefined;
      throw error;
    }
  };
  for (const from of container.envFrom ?? []) {
    const kind = from.configMapRef ? 'ConfigMap' : 'Secret';
    const ref = from.configMapRef ?? from.secretRef;
    if (!ref) continue;
    const data = from.configMapRef ? (await optionally(sources.configMap(namespace, ref.name!), ref.optional))?.data : (await optionally(sources.secret(namespace, ref.name!), ref.optional))?.data;
    const invalid: string[] = [];
    for (const [key, value] of Object.entries(data ?? {})) {
      const name = (from.prefix ?? '') + key;
      if (badName(name)) invalid.push(name);
      else result.set(name, kind === 'Secret' ? decode(value) : value);
    }
    if (invalid.length) inputs.skipped?.(kind, ref.name!, invalid.sort());
  }
  const serviceEnv = serviceVariables(inputs.services, namespace, pod.spec?.enableServiceLinks ?? true);
  const declared = new Map<string, string>();
  const lookup = (name: string) => declared.get(name) ?? result.get(name) ?? serviceEnv.get(name);
  for (const variable of container.env ?? []) {
    const value = variable.valueFrom ? await valueFrom(inputs, variable.name, variable.valueFrom) : expand(variable.value ?? '', lookup);
    if (value === undefined) continue;
    declared.set(variable.name, value);
    result.set(variable.name, value);
  }
  for (const [name, value] of serviceEnv) if (!result.has(name)) result.set(name, value);
  return result;

  async function valueFrom({ pod, container }: EnvInputs, name: string, from: NonNullable<NonNullable<AnyContainer['env']>[number]['valueFrom']>): Promise<string | undefined> {
    if (from.fieldRef) {
      const value = fieldValue(pod, from.fieldRef.fieldPath, inputs);
      if (value === undefined) throw new Error(`unsupported fieldPath: ${from.fieldRef.fieldPath}`);
      return value;
    }
    if (from.resourceFieldRef) return resourceValue(pod, from.resourceFieldRef, container.name, inputs.allocatable);
    if (from.configMapKeyRef) {
      const { name: source, key, optional } = from.configMapKeyRef;
      const map = await optionally(sources.configMap(namespace, source!), optional);
      const value = map?.data?.[key];
      if (value === undefined && !optional) throw new Error(`couldn't find key ${key} in ConfigMap ${namespace}/${source}`);
      return value;
    }
    if (from.secretKeyRef) {
      const { name: source, key, optional } = from.secretKeyRef;
      const secret = await optionally(sources.secret(namespace, source!), optional);
      const value = secret?.data?.[key];
      if (value === undefined && !optional) throw new Error(`couldn't find key ${key} in Secret ${namespace}/${source}`);
      return value === undefined ? undefined : decode(value);
    }
    const fileKeyRef = (from as { fileKeyRef?: { volumeName: string; path: string; key: string; optional?: boolean } }).fileKeyRef;
    if (fileKeyRef && inputs.fileKey) {
      const value = await inputs.fileKey(fileKeyRef);
      if (value === undefined && !fileKeyRef.optional) throw new Error(`environment variable key "${fileKeyRef.key}" not found in file`);
      return value;
    }
    throw new Error(`environment variable ${JSON.stringify(name)} has a source that this kubelet does not know`);
  }
}

/** The variables of Docker links that tell a container of services: those of its namespace, and `kubernetes` of `default`. */
export function serviceVariables(services: readonly Service[], namespace: string, links: boolean): Map<string, string> {
  const chosen = new Map<string, Service>();
  const isMaster = (s: Service) => s.metadata.namespace === 'default' && s.metadata.name === 'kubernetes';
  for (const service of services) {
    const ip = service.spec?.clusterIP;
    if (!ip || ip === 'None') continue;
    const name = service.metadata.name!;
    if (isMaster(service)) {
      if (!chosen.has(name)) chosen.set(name, service);
    } else if (service.metadata.namespace === namespace && links) chosen.set(name, service);
  }
  const variables = new Map<string, string>();
  for (const service of chosen.values()) {
    const ports = service.spec!.ports ?? [];
    if (!ports.length) continue;
    const ip = service.spec!.clusterIP!;
    const prefix = service.metadata.name!.toUpperCase().replaceAll('-', '_');
    const hostPort = (port: number) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);
    variables.set(`${prefix}_SERVICE_HOST`, ip);
    variables.set(`${prefix}_SERVICE_PORT`, String(ports[0].port));
    for (const port of ports) if (port.name) variables.set(`${prefix}_SERVICE_PORT_${port.name.toUpperCase().replaceAll('-', '_')}`, String(port.port));
    ports.forEach((port, i) => {
      const protocol = port.protocol ?? 'TCP';
      const url = `${protocol.toLowerCase()}://${hostPort(port.port)}`;
      const base = `${prefix}_PORT_${port.port}_${protocol}`;
      if (i === 0) variables.set(`${prefix}_PORT`, url);
      variables.set(base, url);
      variables.set(`${base}_PROTO`, protocol.toLowerCase());
      variables.set(`${base}_PORT`, String(port.port));
      variables.set(`${base}_ADDR`, ip);
    });
  }
  return variables;
}
