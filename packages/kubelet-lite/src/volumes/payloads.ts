/** What configMap, secret, downwardAPI and projected volumes hold, as files. */
import type { ConfigMap, DownwardAPIVolumeFile, KeyToPath, Pod, Secret, Volume } from '@pilothouse/api-schemas/types/core/v1';
import { fieldValue, type PodAddresses, resourceValue } from '../pods/downward.ts';
import type { FilePayload } from './atomic-writer.ts';

export interface TokenRequestSpec {
  audience: string;
  expirationSeconds: number;
}

/** Where the files come from; rejects as the API does. */
export interface PayloadSources extends PodAddresses {
  configMap(namespace: string, name: string): Promise<ConfigMap>;
  secret(namespace: string, name: string): Promise<Secret>;
  serviceAccountToken(pod: Pod, request: TokenRequestSpec): Promise<string>;
  /** PEM of the bundles a clusterTrustBundle source names; undefined: none matches. */
  clusterTrustBundle(source: { name?: string; signerName?: string; labelSelector?: unknown }): Promise<string | undefined>;
  isNotFound(error: unknown): boolean;
  allocatable: Readonly<Record<string, string>>;
}

type Payload = Map<string, FilePayload>;

/** The files; undefined for a volume of another kind. */
export async function payloadOf(pod: Pod, volume: Volume, sources: PayloadSources): Promise<Payload | undefined> {
  const namespace = pod.metadata.namespace!;
  const fsGroup = pod.spec?.securityContext?.fsGroup;
  if (volume.configMap) {
    const { name, items, defaultMode, optional } = volume.configMap;
    return configMapFiles(await present(sources, sources.configMap(namespace, name!), optional), { items, mode: defaultMode ?? 0o644, optional, fsGroup });
  }
  if (volume.secret) {
    const { secretName, items, defaultMode, optional } = volume.secret;
    return secretFiles(await present(sources, sources.secret(namespace, secretName!), optional), { items, mode: defaultMode ?? 0o644, optional, fsGroup, label: `${namespace}/${secretName}` });
  }
  if (volume.downwardAPI) return downwardFiles(pod, volume.downwardAPI.items, volume.downwardAPI.defaultMode ?? 0o644, sources);
  if (!volume.projected) return undefined;
  const mode = volume.projected.defaultMode ?? 0o644;
  const all: Payload = new Map();
  for (const source of volume.projected.sources ?? []) {
    let part: Payload = new Map();
    if (source.configMap) {
      const { name, items, optional } = source.configMap;
      part = configMapFiles(await present(sources, sources.configMap(namespace, name!), optional), { items, mode, optional, fsGroup });
    } else if (source.secret) {
      const { name, items, optional } = source.secret;
      part = secretFiles(await present(sources, sources.secret(namespace, name!), optional), { items, mode, optional, fsGroup, label: `${namespace}/${name}` });
    } else if (source.downwardAPI) part = downwardFiles(pod, source.downwardAPI.items, mode, sources);
    else if (source.serviceAccountToken) {
      const { audience, expirationSeconds, path } = source.serviceAccountToken;
      const token = await sources.serviceAccountToken(pod, { audience: audience ?? '', expirationSeconds: expirationSeconds ?? 3600 });
      part.set(path, { data: Buffer.from(token), ...tokenOwner(pod, mode) });
    } else if (source.clusterTrustBundle) {
      const { path, optional } = source.clusterTrustBundle;
      const pem = await sources.clusterTrustBundle(source.clusterTrustBundle);
      if (pem === undefined && !optional) throw new Error(`unable to find a non-empty ClusterTrustBundle`);
      part.set(path, { data: Buffer.from(pem ?? ''), mode });
    } else throw new Error(`projected volume ${JSON.stringify(volume.name)} has a source that this kubelet does not know`);
    for (const [path, file] of part) all.set(path, file);
  }
  return all;
}

/** A token is read by its owner alone; by its group where the pod has a group; a container that all run as one user owns it. */
function tokenOwner(pod: Pod, mode: number): { mode: number; uid?: number } {
  const sc = pod.spec?.securityContext;
  if (sc?.fsGroup !== undefined) return { mode: 0o600 };
  const users = [...pod.spec!.containers, ...(pod.spec!.initContainers ?? [])].map((c) => c.securityContext?.runAsUser ?? sc?.runAsUser);
  if (users[0] !== undefined && users.every((u) => u === users[0])) return { mode: 0o600, uid: users[0] };
  return { mode };
}

async function present<T>(sources: PayloadSources, read: Promise<T>, optional: boolean | undefined): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (optional && sources.isNotFound(error)) return undefined;
    throw error;
  }
}

interface Choice {
  items?: readonly KeyToPath[];
  mode: number;
  optional?: boolean;
  fsGroup?: number;
}

function configMapFiles(map: ConfigMap | undefined, choice: Choice): Payload {
  const data = new Map<string, Uint8Array>();
  for (const [key, value] of Object.entries(map?.data ?? {})) data.set(key, Buffer.from(value));
  for (const [key, value] of Object.entries(map?.binaryData ?? {})) data.set(key, Buffer.from(value as string, 'base64'));
  return chosen(data, choice, () => 'configmap references non-existent config key: ');
}

function secretFiles(secret: Secret | undefined, choice: Choice & { label: string }): Payload {
  const data = new Map(Object.entries(secret?.data ?? {}).map(([key, value]) => [key, Buffer.from(value as string, 'base64')] as const));
  return chosen(data, choice, () => 'references non-existent secret key: ');
}

function chosen(data: ReadonlyMap<string, Uint8Array>, { items, mode, optional }: Choice, missing: () => string): Payload {
  const files: Payload = new Map();
  if (!items?.length) {
    for (const [key, bytes] of data) files.set(key, { data: bytes, mode });
    return files;
  }
  for (const item of items) {
    const bytes = data.get(item.key);
    if (!bytes) {
      if (optional) continue;
      throw new Error(`${missing()}${item.key}`);
    }
    files.set(item.path, { data: bytes, mode: item.mode ?? mode });
  }
  return files;
}

function downwardFiles(pod: Pod, items: readonly DownwardAPIVolumeFile[] | undefined, mode: number, sources: PayloadSources): Payload {
  const files: Payload = new Map();
  for (const item of items ?? []) {
    let text: string | undefined;
    if (item.fieldRef) {
      text = fieldValue(pod, item.fieldRef.fieldPath, sources);
      if (text === undefined) throw new Error(`unsupported fieldPath: ${item.fieldRef.fieldPath}`);
    } else if (item.resourceFieldRef) text = resourceValue(pod, item.resourceFieldRef, item.resourceFieldRef.containerName, sources.allocatable);
    files.set(item.path, { data: Buffer.from(text ?? ''), mode: item.mode ?? mode });
  }
  return files;
}
