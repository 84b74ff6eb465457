/** Which CSI driver serves a volume, and the handle it knows the volume by. In-tree volumes count as their CSI driver's. */
import type { PersistentVolume, PersistentVolumeClaim, Volume } from '@pilothouse/api-schemas/types/core/v1';
import type { CSINode } from '@pilothouse/api-schemas/types/storage/v1';
import type { ClusterObjects } from '../../objects.ts';
import { classOfClaim } from '../../volumes/storage.ts';

export interface AttachedVolume {
  readonly driver: string;
  readonly handle: string;
}

interface InTree {
  readonly plugin: string;
  readonly driver: string;
  /** Nodes attach it through CSI. */
  readonly migrated: boolean;
  /** The CSI handle of an in-tree source of this kind. */
  readonly handle: (source: any) => string;
}

/** In-tree volume kinds that have CSI drivers, by the source's field. */
const inTree: Readonly<Record<string, InTree>> = {
  awsElasticBlockStore: { plugin: 'kubernetes.io/aws-ebs', driver: 'ebs.csi.aws.com', migrated: true, handle: (s) => s.volumeID },
  gcePersistentDisk: { plugin: 'kubernetes.io/gce-pd', driver: 'pd.csi.storage.gke.io', migrated: true, handle: (s) => `projects/UNSPECIFIED/zones/UNSPECIFIED/disks/${s.pdName}` },
  azureDisk: { plugin: 'kubernetes.io/azure-disk', driver: 'disk.csi.azure.com', migrated: true, handle: (s) => s.diskURI },
  cinder: { plugin: 'kubernetes.io/cinder', driver: 'cinder.csi.openstack.org', migrated: true, handle: (s) => s.volumeID },
  portworxVolume: { plugin: 'kubernetes.io/portworx-volume', driver: 'pxd.portworx.com', migrated: true, handle: (s) => s.volumeID },
  azureFile: { plugin: 'kubernetes.io/azure-file', driver: 'file.csi.azure.com', migrated: false, handle: () => '' },
  vsphereVolume: { plugin: 'kubernetes.io/vsphere-volume', driver: 'csi.vsphere.vmware.com', migrated: false, handle: (s) => s.volumePath },
};
const byPlugin = new Map(Object.values(inTree).map((kind) => [kind.plugin, kind]));

function inTreeOf(source: object | undefined): { kind: InTree; source: unknown } | undefined {
  for (const field in source) if (inTree[field] && (source as Record<string, unknown>)[field]) return { kind: inTree[field], source: (source as Record<string, unknown>)[field] };
  return undefined;
}

/** Written inline in a pod, and attached by a CSI driver. */
export const isInlineMigratable = (volume: Volume): boolean => inTreeOf(volume) !== undefined;

export function inlineVolume(volume: Volume, csiNode: CSINode | undefined): AttachedVolume | undefined {
  const found = inTreeOf(volume);
  if (!found || !csiNode || !found.kind.migrated) return undefined;
  return { driver: found.kind.driver, handle: found.kind.handle(found.source) };
}

/** The driver an inline volume would be attached by. */
export const inlineDriver = (volume: Volume): string | undefined => inTreeOf(volume)?.kind.driver;

/** Undefined where the volume is not one that attaches through CSI on that node. */
export function claimedVolume(claim: PersistentVolumeClaim, csiNode: CSINode | undefined, objects: ClusterObjects): AttachedVolume | undefined {
  const volume = claim.spec?.volumeName ? objects.persistentVolumes.get(claim.spec.volumeName) : undefined;
  return volume ? ofVolume(volume, csiNode) : ofClass(claim, csiNode, objects);
}

function ofVolume(volume: PersistentVolume, csiNode: CSINode | undefined): AttachedVolume | undefined {
  const csi = volume.spec?.csi;
  if (csi) return csi.driver && csi.volumeHandle ? { driver: csi.driver, handle: csi.volumeHandle } : undefined;
  const found = inTreeOf(volume.spec);
  if (!found || !csiNode || !found.kind.migrated) return undefined;
  return { driver: found.kind.driver, handle: found.kind.handle(found.source) };
}

/** A claim not bound yet counts for its class' driver under a name of its own. */
function ofClass(claim: PersistentVolumeClaim, csiNode: CSINode | undefined, objects: ClusterObjects): AttachedVolume | undefined {
  const storageClass = classOfClaim(claim) ? objects.storageClasses.get(classOfClaim(claim)) : undefined;
  if (!storageClass) return undefined;
  const handle = `unbound:${claim.metadata.namespace}/${claim.metadata.name}`;
  const kind = byPlugin.get(storageClass.provisioner);
  if (!kind) return storageClass.provisioner ? { driver: storageClass.provisioner, handle } : undefined;
  return csiNode && kind.migrated ? { driver: kind.driver, handle } : undefined;
}
