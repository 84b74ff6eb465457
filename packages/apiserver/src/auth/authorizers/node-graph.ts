/**
 * What each node has to do with: what its pods refer to, and from there volumes and their secrets. The pods themselves
 * are not kept: which node one is on is asked of the cache, which knows anyway.
 */
import type { PersistentVolume, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { ResourceSlice } from '@pilothouse/api-schemas/types/resource/v1';
import type { VolumeAttachment } from '@pilothouse/api-schemas/types/storage/v1';
import { persistentVolumes, pods, resourceSlices, volumeAttachments } from '@pilothouse/apimachinery';
import type { ObjectFeed } from '../../contract.ts';

/** `secrets/ns/name`, `pods/ns/name`, `persistentvolumes//name` */
const key = (kind: string, namespace: string, name: string) => `${kind}/${namespace}/${name}`;

/** Everything a pod refers to that its kubelet must read. Mirror pods give nothing: a node makes them itself. */
export function podReferences(pod: Pod): string[] {
  if (pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) return [];
  const namespace = pod.metadata.namespace ?? '';
  const found: string[] = [];
  const secret = (name: string | undefined, ns = namespace) => name && found.push(key('secrets', ns || namespace, name));
  const configMap = (name: string | undefined) => name && found.push(key('configmaps', namespace, name));
  const { spec } = pod;
  if (!spec) return found;
  if (spec.serviceAccountName) found.push(key('serviceaccounts', namespace, spec.serviceAccountName));
  for (const { name } of spec.imagePullSecrets ?? []) secret(name);
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])]) {
    for (const from of container.envFrom ?? []) {
      secret(from.secretRef?.name);
      configMap(from.configMapRef?.name);
    }
    for (const { valueFrom } of container.env ?? []) {
      secret(valueFrom?.secretKeyRef?.name);
      configMap(valueFrom?.configMapKeyRef?.name);
    }
  }
  for (const volume of spec.volumes ?? []) {
    secret(volume.secret?.secretName);
    configMap(volume.configMap?.name);
    for (const source of volume.projected?.sources ?? []) {
      secret(source.secret?.name);
      configMap(source.configMap?.name);
    }
    secret(volume.azureFile?.secretName);
    for (const reference of [volume.cephfs?.secretRef, volume.cinder?.secretRef, volume.flexVolume?.secretRef, volume.iscsi?.secretRef, volume.rbd?.secretRef, volume.scaleIO?.secretRef, volume.storageos?.secretRef, volume.csi?.nodePublishSecretRef]) secret(reference?.name);
    if (volume.persistentVolumeClaim) found.push(key('persistentvolumeclaims', namespace, volume.persistentVolumeClaim.claimName));
    if (volume.ephemeral) found.push(key('persistentvolumeclaims', namespace, `${pod.metadata.name}-${volume.name}`));
  }
  for (const claim of spec.resourceClaims ?? []) {
    const name = claim.resourceClaimName ?? pod.status?.resourceClaimStatuses?.find((s) => s.name === claim.name)?.resourceClaimName;
    if (name) found.push(key('resourceclaims', namespace, name));
  }
  const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  if (extended) found.push(key('resourceclaims', namespace, extended));
  return found;
}

function volumeSecrets(volume: PersistentVolume): string[] {
  const { spec } = volume;
  const claimNamespace = spec?.claimRef?.namespace ?? '';
  const references: ({ name?: string; namespace?: string } | undefined)[] = [
    spec?.cephfs?.secretRef,
    spec?.cinder?.secretRef,
    spec?.flexVolume?.secretRef,
    spec?.rbd?.secretRef,
    spec?.scaleIO?.secretRef,
    spec?.iscsi?.secretRef,
    spec?.storageos?.secretRef,
    // What the volume's controllers need is none of the kubelet's.
    spec?.csi?.nodePublishSecretRef,
    spec?.csi?.nodeStageSecretRef,
    spec?.csi?.nodeExpandSecretRef,
    spec?.azureFile && { name: spec.azureFile.secretName, namespace: spec.azureFile.secretNamespace ?? undefined },
  ];
  return references.filter((r) => r?.name).map((r) => key('secrets', r!.namespace || claimNamespace, r!.name!));
}

/** A relation from things to those that make them reachable, counted, so that shared references outlive one referrer. */
class Relation {
  readonly #map = new Map<string, Map<string, number>>();
  change(thing: string, by: string, delta: 1 | -1): void {
    let referrers = this.#map.get(thing);
    if (!referrers) this.#map.set(thing, (referrers = new Map()));
    const count = (referrers.get(by) ?? 0) + delta;
    if (count > 0) referrers.set(by, count);
    else referrers.delete(by);
    if (!referrers.size) this.#map.delete(thing);
  }
  of(thing: string): Iterable<string> {
    return this.#map.get(thing)?.keys() ?? [];
  }
  has(thing: string, by: string): boolean {
    return this.#map.get(thing)?.has(by) ?? false;
  }
}

export class NodeGraph {
  /** thing → nodes that reach it directly through a pod, attachment or slice */
  readonly #nodes = new Relation();
  /** persistent volume → its claim; secret → volumes that use it */
  readonly #through = new Relation();

  async follow(feed: ObjectFeed, signal?: AbortSignal): Promise<void> {
    await Promise.all([
      feed.follow(pods, (pod, old) => this.#change(old, pod, (p) => this.#podEdges(p)), signal),
      feed.follow(persistentVolumes, (volume, old) => this.setVolume(volume, old), signal),
      feed.follow(volumeAttachments, (attachment, old) => this.#change(old, attachment, (a: VolumeAttachment) => [[key('volumeattachments', '', a.metadata.name!), a.spec.nodeName]]), signal),
      feed.follow(resourceSlices, (slice, old) => this.#change(old, slice, (s: ResourceSlice) => (s.spec.nodeName ? [[key('resourceslices', '', s.metadata.name!), s.spec.nodeName]] : [])), signal),
    ]);
  }

  setPod(pod: Pod | undefined, old: Pod | undefined): void {
    this.#change(old, pod, (p) => this.#podEdges(p));
  }

  setVolume(volume: PersistentVolume | undefined, old: PersistentVolume | undefined): void {
    const apply = (v: PersistentVolume, delta: 1 | -1) => {
      const self = key('persistentvolumes', '', v.metadata.name!);
      const claim = v.spec?.claimRef;
      if (!claim) return;
      this.#through.change(self, key('persistentvolumeclaims', claim.namespace ?? '', claim.name ?? ''), delta);
      for (const secret of volumeSecrets(v)) this.#through.change(secret, self, delta);
    };
    if (old) apply(old, -1);
    if (volume) apply(volume, 1);
  }

  #podEdges(pod: Pod): [string, string][] {
    const node = pod.spec?.nodeName;
    if (!node) return [];
    return [...new Set(podReferences(pod))].map((thing) => [thing, node]);
  }

  #change<T>(old: T | undefined, now: T | undefined, edges: (object: T) => [string, string][]): void {
    // Added first: an update that keeps a reference must not let it go for a moment.
    if (now) for (const [thing, node] of edges(now)) this.#nodes.change(thing, node, 1);
    if (old) for (const [thing, node] of edges(old)) this.#nodes.change(thing, node, -1);
  }

  /** Whether the node has to do with the object, directly or through a claim's volume. */
  reaches(node: string, kind: string, namespace: string, name: string): boolean {
    const visit = (thing: string, depth: number): boolean => {
      if (this.#nodes.has(thing, node)) return true;
      if (depth > 0) for (const by of this.#through.of(thing)) if (visit(by, depth - 1)) return true;
      return false;
    };
    return visit(key(kind, namespace, name), 2);
  }
}
