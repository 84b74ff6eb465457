/** Asking for volumes of classes, and the class of claims that name none. */
import type { PersistentVolumeClaim } from '@pilothouse/api-schemas/types/core/v1';
import type { StorageClass } from '@pilothouse/api-schemas/types/storage/v1';
import { isConflict, persistentVolumeClaims, storageClasses } from '@pilothouse/apimachinery';
import { messageOf } from '@pilothouse/base';
import { referenceTo } from '@pilothouse/client';
import type { ControllerContext } from '@pilothouse/controller-runtime';
import { driverOfPlugin } from '../migrated.ts';
import { classOf } from './match.ts';

export const selectedNode = 'volume.kubernetes.io/selected-node';
const provisionerAnnotations = ['volume.kubernetes.io/storage-provisioner', 'volume.beta.kubernetes.io/storage-provisioner'];
const defaultAnnotations = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];
/** Kinds of volumes that are known within Kubernetes, but that it cannot make. */
const cannotProvision = ['kubernetes.io/nfs'];

/** The newest of the classes marked as default, of equal age the first by name. Pure. */
export function defaultClass(classes: readonly StorageClass[]): StorageClass | undefined {
  const created = (item: StorageClass) => item.metadata.creationTimestamp ?? '';
  return classes
    .filter((item) => defaultAnnotations.some((name) => item.metadata.annotations?.[name] === 'true'))
    .sort((a, b) => (created(a) === created(b) ? (a.metadata.name! < b.metadata.name! ? -1 : 1) : created(a) > created(b) ? -1 : 1))[0];
}

/** Gives a claim without class the default one, which may be younger than the claim. True where it was written. */
export async function assignDefaultClass(claim: PersistentVolumeClaim, { client, lister, signal }: ControllerContext): Promise<boolean> {
  if (claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] !== undefined || claim.spec?.storageClassName !== undefined) return false;
  const found = defaultClass(lister(storageClasses).list());
  if (!found) return false;
  await client.update(persistentVolumeClaims, { ...claim, spec: { ...claim.spec, storageClassName: found.metadata.name } }, { signal });
  return true;
}

/** Asks the class's provisioner for a volume; only host paths could be made inside, and upstream has that switched off. */
export async function provision(claim: PersistentVolumeClaim, context: ControllerContext): Promise<void> {
  const { client, lister, recorder, signal, flags } = context;
  if (flags['enable-dynamic-provisioning'] === false) return;
  const about = referenceTo(persistentVolumeClaims, claim);
  const fail = (message: string) => recorder.event(about, 'Warning', 'ProvisioningFailed', message);
  const name = classOf(claim);
  const storageClass = lister(storageClasses).get(name);
  if (!storageClass) return fail(`storageclass.storage.k8s.io ${JSON.stringify(name)} not found`);
  const driver = driverOfPlugin(storageClass.provisioner);
  const inside = storageClass.provisioner.startsWith('kubernetes.io/') && !driver;
  if (inside && storageClass.provisioner !== 'kubernetes.io/host-path') return fail(cannotProvision.includes(storageClass.provisioner) ? 'no provisionable volume plugin matched' : `no volume plugin matched name: ${storageClass.provisioner}`);
  const provisioner = driver ?? storageClass.provisioner;
  if (inside && claim.spec?.dataSource) return fail(`plugin ${JSON.stringify(provisioner)} is not a CSI plugin. Only CSI plugin can provision a claim with a datasource`);
  if (provisionerAnnotations.some((annotation) => claim.metadata.annotations?.[annotation] !== provisioner)) {
    const annotations = { ...claim.metadata.annotations, ...Object.fromEntries(provisionerAnnotations.map((annotation) => [annotation, provisioner])) };
    try {
      await client.update(persistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, annotations } }, { signal });
    } catch (error) {
      if (!signal.aborted && !isConflict(error)) fail(`Error saving claim: ${messageOf(error)}`);
      throw error;
    }
  }
  if (inside) {
    const options = storageClass.mountOptions ?? [];
    if (options.length) return fail(`Mount options are not supported by the provisioner but StorageClass ${JSON.stringify(name)} has mount options [${options.join(' ')}]`);
    return fail('Failed to create provisioner: provisioning in volume plugin "kubernetes.io/host-path" is disabled');
  }
  recorder.event(about, 'Normal', 'ExternalProvisioning', `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`);
}
