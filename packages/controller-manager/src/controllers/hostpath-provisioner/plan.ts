/** What a directory on a node looks like as a volume, and who sees to it. Pure. */
import type { Node, PersistentVolume, PersistentVolumeClaim } from '@pilothouse/api-schemas/types/core/v1';
import type { StorageClass } from '@pilothouse/api-schemas/types/storage/v1';
import { persistentVolumeClaims } from '@pilothouse/apimachinery';
import { referenceTo } from '@pilothouse/client';

export const provisioner = 'pilothouse.dev/hostpath';
export const provisionedBy = 'pv.kubernetes.io/provisioned-by';
/** Keeps a volume's object until its directory is gone, in whatever order volume and claim are deleted. */
export const finalizer = 'external-provisioner.volume.kubernetes.io/finalizer';
const hostname = 'kubernetes.io/hostname';

export const volumeName = (claim: PersistentVolumeClaim): string => `pvc-${claim.metadata.uid}`;

/** Why a claim cannot be had as a directory; undefined where it can. */
export function unsupported(claim: PersistentVolumeClaim): string | undefined {
  const { volumeMode, selector, dataSource, dataSourceRef, accessModes = [] } = claim.spec ?? {};
  if (volumeMode === 'Block') return `${provisioner} does not support block volume provisioning`;
  if (selector) return 'claim Selector is not supported';
  if (dataSource || dataSourceRef) return 'claim DataSource is not supported';
  const shared = accessModes.find((mode) => mode !== 'ReadWriteOnce' && mode !== 'ReadWriteOncePod');
  return shared && `access mode ${shared} is not supported: a directory is on one node`;
}

/** Nodes that only simulate their containers have no directories. */
export const isSimulated = (node: Node | undefined): boolean => node?.status?.nodeInfo?.containerRuntimeVersion.startsWith('simulated://') ?? false;

/** The volume that is `directory` on `node`, for `claim` alone. */
export const volumeFor = (claim: PersistentVolumeClaim, storageClass: StorageClass, node: Node, directory: string): PersistentVolume => ({
  metadata: { name: volumeName(claim), annotations: { [provisionedBy]: provisioner }, finalizers: [finalizer] },
  spec: {
    accessModes: claim.spec?.accessModes,
    capacity: { storage: claim.spec?.resources?.requests?.storage ?? '0' },
    claimRef: referenceTo(persistentVolumeClaims, claim),
    hostPath: { path: directory, type: 'DirectoryOrCreate' },
    nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: hostname, operator: 'In', values: [hostnameOf(node)] }] }] } },
    persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
    storageClassName: storageClass.metadata.name,
    volumeMode: 'Filesystem',
  },
});

const hostnameOf = (node: Node): string => node.metadata.labels?.[hostname] ?? node.metadata.name!;

/** The node a volume's directory is on; undefined where that node is gone. */
export function nodeOf(volume: PersistentVolume, nodes: readonly Node[]): Node | undefined {
  const name = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchExpressions?.find(({ key }) => key === hostname)?.values?.[0];
  return nodes.find((node) => hostnameOf(node) === name);
}

/** Whether a volume of ours has had its time: its directory is to go, or it is kept by its policy and only the object goes. */
export function fateOf(volume: PersistentVolume): 'stays' | 'remove' | 'release' {
  const over = volume.status?.phase === 'Released' || volume.status?.phase === 'Failed';
  if (volume.spec?.persistentVolumeReclaimPolicy === 'Delete') return over ? 'remove' : 'stays';
  return volume.metadata.deletionTimestamp && over ? 'release' : 'stays';
}
