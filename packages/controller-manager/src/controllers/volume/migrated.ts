/** Kinds of volumes that drivers have taken over: the field of a volume, the name they had within Kubernetes, and the driver's. */
export const migratedVolumes: Readonly<Record<string, { plugin: string; driver: string }>> = {
  awsElasticBlockStore: { plugin: 'kubernetes.io/aws-ebs', driver: 'ebs.csi.aws.com' },
  azureDisk: { plugin: 'kubernetes.io/azure-disk', driver: 'disk.csi.azure.com' },
  azureFile: { plugin: 'kubernetes.io/azure-file', driver: 'file.csi.azure.com' },
  cinder: { plugin: 'kubernetes.io/cinder', driver: 'cinder.csi.openstack.org' },
  gcePersistentDisk: { plugin: 'kubernetes.io/gce-pd', driver: 'pd.csi.storage.gke.io' },
  portworxVolume: { plugin: 'kubernetes.io/portworx-volume', driver: 'pxd.portworx.com' },
  vsphereVolume: { plugin: 'kubernetes.io/vsphere-volume', driver: 'csi.vsphere.vmware.com' },
};

/** The driver that a provisioner's old name stands for now; undefined for all other names. */
export const driverOfPlugin = (plugin: string): string | undefined => Object.values(migratedVolumes).find((kind) => kind.plugin === plugin)?.driver;
