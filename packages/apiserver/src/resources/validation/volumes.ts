/** The volumes of a pod. */
import { dns1123Label, dns1123Subdomain, duplicate, type FieldError, forbidden, goQuote, invalid, notFound, notSupported, required, signOfQuantity, validateAnnotations, validateLabels } from '@pilothouse/apimachinery';
import type { Volume, VolumeDevice, VolumeMount } from '@pilothouse/api-schemas/types/core/v1';
import type { ObjectMeta } from '@pilothouse/api-schemas/types/meta/v1';
import { validateClaimSpec } from './claim-spec.ts';
import { checkName } from './check-name.ts';
import { validateDescendingPath, validateFileMode, validateNoBacksteps } from './paths.ts';
import { validateDownwardFile, validateKeyToPath, validateProjected } from './projected-volume.ts';
import { sharedSources } from './volume-sources.ts';

export interface VolumeContext {
  podName?: string;
  /** The rules for a pod rather than for a template of pods. */
  isPod: boolean;
}

type Rule = (errors: FieldError[], source: any, path: string, volume: Volume, context: VolumeContext) => void;

const withItems =
  (nameKey: string): Rule =>
  (errors, source, path) => {
    if (!source[nameKey]) errors.push(required(`${path}.${nameKey}`));
    validateFileMode(errors, source.defaultMode, `${path}.defaultMode`);
    source.items?.forEach((item: any, i: number) => validateKeyToPath(errors, item, `${path}.items[${i}]`));
  };

const shared =
  (kind: string): Rule =>
  (errors, source, path, volume) =>
    sharedSources[kind](errors, source, path, { persistent: false, volumeName: volume.name });

const emptyDir: Rule = (errors, source, path) => {
  if (source.sizeLimit !== undefined && signOfQuantity(source.sizeLimit) < 0) errors.push(forbidden(`${path}.sizeLimit`, 'SizeLimit field must be a valid resource quantity'));
};

const downwardAPI: Rule = (errors, source, path) => {
  validateFileMode(errors, source.defaultMode, `${path}.defaultMode`);
  for (const file of source.items ?? []) validateDownwardFile(errors, file, path);
};

const ephemeral: Rule = (errors, source, path, volume, context) => {
  const template = source.volumeClaimTemplate;
  if (!template) errors.push(required(`${path}.volumeClaimTemplate`));
  else {
    validateTemplateMeta(errors, template.metadata, `${path}.volumeClaimTemplate.metadata`);
    validateClaimSpec(errors, template.spec, `${path}.volumeClaimTemplate.spec`);
  }
  if (!context.podName || !volume.name) return;
  const claim = `${context.podName}-${volume.name}`;
  for (const message of dns1123Subdomain(claim)) errors.push(invalid(path.replace(/\.ephemeral$/, '.name'), volume.name, `PVC name ${goQuote(claim)}: ${message}`));
};

const image: Rule = (errors, source, path, _volume, { isPod }) => {
  if (isPod && !source.reference) errors.push(required(`${path}.reference`));
  if (!source.pullPolicy) errors.push(required(`${path}.pullPolicy`));
  else if (!['Always', 'IfNotPresent', 'Never'].includes(source.pullPolicy)) errors.push(notSupported(`${path}.pullPolicy`, source.pullPolicy, ['Always', 'IfNotPresent', 'Never']));
};

/** Field of the volume, the name under which a second source is reported, the rule, in upstream's order; the rule's path where it is another. */
const kinds: readonly [kind: string, rule: Rule, second?: string, first?: string][] = [
  ['emptyDir', emptyDir],
  ['hostPath', shared('hostPath')],
  ['gitRepo', shared('gitRepo')],
  ['gcePersistentDisk', shared('gcePersistentDisk'), undefined, 'persistentDisk'],
  ['awsElasticBlockStore', shared('awsElasticBlockStore')],
  ['secret', withItems('secretName')],
  ['nfs', shared('nfs')],
  ['iscsi', shared('iscsi')],
  ['glusterfs', shared('glusterfs')],
  ['flocker', shared('flocker')],
  [
    'persistentVolumeClaim',
    (errors, source, path) => {
      if (!source.claimName) errors.push(required(`${path}.claimName`));
    },
  ],
  ['rbd', shared('rbd')],
  ['cinder', shared('cinder')],
  ['cephfs', shared('cephfs'), 'cephFS'],
  ['quobyte', shared('quobyte')],
  ['downwardAPI', downwardAPI, 'downwarAPI'],
  ['fc', shared('fc')],
  ['flexVolume', shared('flexVolume')],
  ['configMap', withItems('name')],
  ['azureFile', shared('azureFile')],
  ['vsphereVolume', shared('vsphereVolume')],
  ['photonPersistentDisk', shared('photonPersistentDisk')],
  ['portworxVolume', shared('portworxVolume')],
  ['azureDisk', shared('azureDisk')],
  ['storageos', shared('storageos')],
  ['projected', (errors, source, path) => validateProjected(errors, source, path)],
  ['scaleIO', shared('scaleIO')],
  ['csi', shared('csi')],
  ['ephemeral', ephemeral],
  ['image', image],
];

function validateSource(errors: FieldError[], volume: Volume, path: string, context: VolumeContext): void {
  const given = volume as unknown as Record<string, unknown>;
  let count = 0;
  for (const [kind, rule, second, first] of kinds) {
    const source = given[kind];
    if (!source) continue;
    if (count > 0) errors.push(forbidden(`${path}.${second ?? kind}`, 'may not specify more than 1 volume type'));
    else {
      count++;
      rule(errors, source, `${path}.${first ?? kind}`, volume, context);
    }
    if (kind === 'iscsi' && volume.iscsi?.initiatorName !== undefined && `${volume.name}:${volume.iscsi.targetPortal}`.length > 64)
      errors.push(invalid(`${path}.name`, volume.name, 'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.'));
  }
  if (count === 0) errors.push(required(path, 'must specify a volume type'));
}

/** Answers the volumes that mounts may name: those that are right. */
export function validateVolumes(errors: FieldError[], volumes: readonly Volume[] | undefined, path: string, context: VolumeContext): ReadonlyMap<string, Volume> {
  const valid = new Map<string, Volume>();
  const created = new Set((volumes ?? []).filter((v) => context.podName && v.ephemeral).map((v) => `${context.podName}-${v.name}`));
  volumes?.forEach((volume, i) => {
    const at = `${path}[${i}]`;
    const before = errors.length;
    validateSource(errors, volume, at, context);
    if (!volume.name) errors.push(required(`${at}.name`));
    else checkName(errors, `${at}.name`, volume.name, dns1123Label);
    if (valid.has(volume.name)) errors.push(duplicate(`${at}.name`, volume.name));
    if (errors.length === before) valid.set(volume.name, volume);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim !== undefined && created.has(claim)) errors.push(invalid(`${at}.persistentVolumeClaim.claimName`, claim, 'must not reference a PVC that gets created for an ephemeral volume'));
  });
  return valid;
}

const templateMetaFields = new Set(['labels', 'annotations']);

/** Templates may carry labels and annotations and nothing else. */
export function validateTemplateMeta(errors: FieldError[], meta: ObjectMeta | undefined, path: string): void {
  errors.push(...validateAnnotations(meta?.annotations, `${path}.annotations`));
  errors.push(...validateLabels(meta?.labels, `${path}.labels`));
  for (const key in meta) if (!templateMetaFields.has(key)) errors.push(forbidden(`${path}.${key}`, 'cannot be set'));
}

const propagations = ['Bidirectional', 'HostToContainer', 'None'];
const recursiveReadOnly = ['Disabled', 'Enabled', 'IfPossible'];

export function validateMounts(errors: FieldError[], mounts: readonly VolumeMount[] | undefined, path: string, volumes: ReadonlyMap<string, unknown>, devices: readonly VolumeDevice[], privileged: boolean): void {
  const taken = new Set<string>();
  mounts?.forEach((mount, i) => {
    const at = `${path}[${i}]`;
    if (!mount.name) errors.push(required(`${at}.name`));
    if (!volumes.has(mount.name)) errors.push(notFound(`${at}.name`, mount.name));
    if (!mount.mountPath) errors.push(required(`${at}.mountPath`));
    if (taken.has(mount.mountPath)) errors.push(invalid(`${at}.mountPath`, mount.mountPath, 'must be unique'));
    taken.add(mount.mountPath);
    if (devices.some((d) => d.name === mount.name)) errors.push(invalid(`${at}.name`, mount.name, 'must not already exist in volumeDevices'));
    if (devices.some((d) => d.devicePath === mount.mountPath)) errors.push(invalid(`${at}.mountPath`, mount.mountPath, 'must not already exist as a path in volumeDevices'));
    if (mount.subPath) validateDescendingPath(errors, mount.subPath, `${path}.subPath`);
    if (mount.subPathExpr) {
      if (mount.subPath) errors.push(invalid(`${at}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
      validateDescendingPath(errors, mount.subPathExpr, `${path}.subPathExpr`);
    }
    validateMountModes(errors, mount, path, privileged);
  });
}

function validateMountModes(errors: FieldError[], mount: VolumeMount, path: string, privileged: boolean): void {
  const { mountPropagation: propagation, recursiveReadOnly: recursive } = mount;
  if (propagation !== undefined) {
    if (!propagations.includes(propagation)) errors.push(notSupported(`${path}.mountPropagation`, propagation, propagations));
    if (propagation === 'Bidirectional' && !privileged) errors.push(forbidden(`${path}.mountPropagation`, 'Bidirectional mount propagation is available only to privileged containers'));
  }
  if (recursive === undefined || recursive === 'Disabled') return;
  const at = `${path}.recursiveReadOnly`;
  if (!recursiveReadOnly.includes(recursive)) errors.push(notSupported(at, recursive, recursiveReadOnly));
  else {
    if (!mount.readOnly) errors.push(forbidden(at, 'may only be specified when readOnly is true'));
    if (propagation !== undefined && propagation !== 'None') errors.push(forbidden(at, 'may only be specified when mountPropagation is None or not specified'));
  }
}

export function validateDevices(errors: FieldError[], devices: readonly VolumeDevice[] | undefined, path: string, volumes: ReadonlyMap<string, Volume>, mounts: readonly VolumeMount[]): void {
  const names = new Set<string>();
  const paths = new Set<string>();
  devices?.forEach((device, i) => {
    const at = `${path}[${i}]`;
    const volume = volumes.get(device.name);
    if (!device.name) errors.push(required(`${at}.name`));
    if (names.has(device.name)) errors.push(invalid(`${at}.name`, device.name, 'must be unique'));
    if (!volume) errors.push(notFound(`${at}.name`, device.name));
    else if (!volume.persistentVolumeClaim && !volume.ephemeral) errors.push(invalid(`${at}.name`, device.name, 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode'));
    if (!device.devicePath) errors.push(required(`${at}.devicePath`));
    if (paths.has(device.devicePath)) errors.push(invalid(`${at}.devicePath`, device.devicePath, 'must be unique'));
    const steps: FieldError[] = [];
    validateNoBacksteps(steps, device.devicePath, at);
    if (steps.length) errors.push(invalid(`${at}.devicePath`, device.devicePath, "can not contain backsteps ('..')"));
    else paths.add(device.devicePath);
    if (mounts.some((m) => m.name === device.name)) errors.push(invalid(`${at}.name`, device.name, 'must not already exist in volumeMounts'));
    if (mounts.some((m) => m.mountPath === device.devicePath)) errors.push(invalid(`${at}.devicePath`, device.devicePath, 'must not already exist as a path in volumeMounts'));
    if (device.name) names.add(device.name);
  });
}
