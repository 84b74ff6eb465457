/** One rule per kind of volume source that pods and PersistentVolumes share in shape; the lesser used, mostly of old in-tree drivers. */
import { dns1123Label, dns1123Subdomain, type FieldError, invalid, notSupported, rangeText, required, tooLong } from '@pilothouse/apimachinery';
import { checkName } from './check-name.ts';
import { validateDescendingPath, validateNoBacksteps } from './paths.ts';

/** `persistent`: the source of a PersistentVolume rather than of a pod's volume. */
export type SourceRule = (errors: FieldError[], source: any, path: string, options: { persistent: boolean; volumeName: string }) => void;

/** Required fields: non-empty strings. */
const needs =
  (...keys: string[]): SourceRule =>
  (errors, source, path) => {
    for (const key of keys) if (!source[key]) errors.push(required(`${path}.${key}`));
  };

const partition: SourceRule = (errors, source, path) => {
  if (source.partition < 0 || source.partition > 255) errors.push(invalid(`${path}.partition`, source.partition, rangeText(1, 255)));
};

const secretRef: SourceRule = (errors, source, path, { persistent }) => {
  if (!source.secretRef) return;
  if (!source.secretRef.name) errors.push(required(`${path}.secretRef.name`));
  if (persistent && !source.secretRef.namespace) errors.push(required(`${path}.secretRef.namespace`));
};

const all =
  (...rules: SourceRule[]): SourceRule =>
  (errors, source, path, options) => {
    for (const rule of rules) rule(errors, source, path, options);
  };

const iqnForms: Record<string, RegExp> = { iqn: /iqn\.\d{4}-\d{2}\.([a-zA-Z\d.-]+)(:[^,;*&$|\s]+)$/, eui: /^eui.[a-zA-Z\d]{16}$/, naa: /^naa.[a-zA-Z\d]{32}$/ };
const prefixMessage = 'must be valid format starting with iqn, eui, or naa';

function validateIqn(errors: FieldError[], value: string, path: string, persistent: boolean): void {
  const form = iqnForms[value.slice(0, 3)];
  if (!form) errors.push(invalid(path, value, persistent ? 'must be valid format' : prefixMessage));
  else if (!form.test(value)) errors.push(invalid(path, value, 'must be valid format'));
}

const iscsi: SourceRule = (errors, source, path, { persistent, volumeName }) => {
  if (!source.targetPortal) errors.push(required(`${path}.targetPortal`));
  const long = 'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.';
  if (persistent && source.initiatorName !== undefined && `${volumeName}:${source.targetPortal}`.length > 64) errors.push(invalid(`${path}.targetportal`, source.targetPortal, long));
  if (!source.iqn) errors.push(required(`${path}.iqn`));
  else validateIqn(errors, source.iqn, `${path}.iqn`, persistent);
  if (source.lun < 0 || source.lun > 255) errors.push(invalid(`${path}.lun`, source.lun, rangeText(0, 255)));
  if ((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef) errors.push(required(`${path}.secretRef`));
  if (persistent && source.secretRef && !source.secretRef.name) errors.push(required(`${path}.secretRef.name`));
  if (source.initiatorName !== undefined) validateIqn(errors, source.initiatorName, `${path}.initiatorname`, persistent);
};

const fibreChannel: SourceRule = (errors, source, path) => {
  const targets = source.targetWWNs ?? [];
  const ids = source.wwids ?? [];
  if (!targets.length && !ids.length) errors.push(required(`${path}.targetWWNs`, 'must specify either targetWWNs or wwids, but not both'));
  if (targets.length && ids.length) errors.push(invalid(`${path}.targetWWNs`, targets, 'targetWWNs and wwids can not be specified simultaneously'));
  if (!targets.length) return;
  if (source.lun === undefined) errors.push(required(`${path}.lun`, 'lun is required if targetWWNs is specified'));
  else if (source.lun < 0 || source.lun > 255) errors.push(invalid(`${path}.lun`, source.lun, rangeText(0, 255)));
};

const nfs: SourceRule = (errors, source, path) => {
  if (!source.server) errors.push(required(`${path}.server`));
  if (!source.path) errors.push(required(`${path}.path`));
  if (!source.path.startsWith('/')) errors.push(invalid(`${path}.path`, source.path, 'must be an absolute path'));
};

const quobyte: SourceRule = (errors, source, path) => {
  const pairs = 'must be a host:port pair or multiple pairs separated by commas';
  if (!source.registry) errors.push(required(`${path}.registry`, pairs));
  else if ((source.tenant?.length ?? 0) >= 65) errors.push(required(`${path}.tenant`, 'must be a UUID and may not exceed a length of 64 characters'));
  else for (const pair of source.registry.split(',')) if (!/^(\[[^\]]*\]|[^:[\]]*):[^:]*$/.test(pair)) errors.push(invalid(`${path}.registry`, source.registry, pairs));
  if (!source.volume) errors.push(required(`${path}.volume`));
};

const glusterfs: SourceRule = (errors, source, path, { persistent }) => {
  needs('endpoints', 'path')(errors, source, path, { persistent, volumeName: '' });
  if (!persistent || source.endpointsNamespace === undefined) return;
  if (source.endpointsNamespace === '') errors.push(invalid(`${path}.endpointsNamespace`, '', 'if the endpointnamespace is set, it must be a valid namespace name'));
  else checkName(errors, `${path}.endpointsNamespace`, source.endpointsNamespace, dns1123Label);
};

const flocker: SourceRule = (errors, source, path) => {
  if (!source.datasetName && !source.datasetUUID) errors.push(required(path, 'one of datasetName and datasetUUID is required'));
  if (source.datasetName && source.datasetUUID) errors.push(invalid(path, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'));
  if (source.datasetName?.includes('/')) errors.push(invalid(`${path}.datasetName`, source.datasetName, "must not contain '/'"));
};

const flex: SourceRule = (errors, source, path) => {
  if (!source.driver) errors.push(required(`${path}.driver`));
  for (const key in source.options) {
    const domain = `.${(key.includes('/') ? key.slice(0, key.indexOf('/')) : key).toLowerCase()}`;
    if (domain.endsWith('.kubernetes.io') || domain.endsWith('.k8s.io')) errors.push(invalid(`${path}.options[${key}]`, key, 'kubernetes.io and k8s.io namespaces are reserved'));
  }
};

const azureDisk: SourceRule = (errors, source, path) => {
  const { cachingMode, kind, diskURI = '' } = source;
  needs('diskName', 'diskURI')(errors, source, path, { persistent: false, volumeName: '' });
  if (cachingMode !== undefined && !['None', 'ReadOnly', 'ReadWrite'].includes(cachingMode)) errors.push(notSupported(`${path}.cachingMode`, cachingMode, ['None', 'ReadOnly', 'ReadWrite']));
  if (kind !== undefined && !['Dedicated', 'Managed', 'Shared'].includes(kind)) errors.push(notSupported(`${path}.kind`, kind, ['Dedicated', 'Managed', 'Shared']));
  if (kind === 'Managed' && !diskURI.startsWith('/subscriptions/')) errors.push(notSupported(`${path}.diskURI`, diskURI, ['/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}']));
  if (kind !== undefined && kind !== 'Managed' && !diskURI.startsWith('https://')) errors.push(notSupported(`${path}.diskURI`, diskURI, ['https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd']));
};

const azureFile: SourceRule = (errors, source, path, options) => {
  needs('secretName', 'shareName')(errors, source, path, options);
  if (options.persistent && source.secretNamespace === '') errors.push(required(`${path}.secretNamespace`));
};

const storageos: SourceRule = (errors, source, path, options) => {
  if (!source.volumeName) errors.push(required(`${path}.volumeName`));
  else checkName(errors, `${path}.volumeName`, source.volumeName, dns1123Label);
  if (source.volumeNamespace) checkName(errors, `${path}.volumeNamespace`, source.volumeNamespace, dns1123Label);
  secretRef(errors, source, path, options);
};

const hostPathTypes = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];
const hostPath: SourceRule = (errors, source, path) => {
  if (!source.path) {
    errors.push(required(`${path}.path`));
    return;
  }
  validateNoBacksteps(errors, source.path, `${path}.path`);
  if (source.type !== undefined && !hostPathTypes.includes(source.type)) errors.push(notSupported(`${path}.type`, source.type, hostPathTypes));
};

const local: SourceRule = (errors, source, path) => {
  if (!source.path) errors.push(required(`${path}.path`));
  else validateNoBacksteps(errors, source.path, `${path}.path`);
};

const gitRepo: SourceRule = (errors, source, path) => {
  if (!source.repository) errors.push(required(`${path}.repository`));
  validateDescendingPath(errors, source.directory ?? '', `${path}.directory`);
};

export function validateCsiDriverName(errors: FieldError[], driver: string | undefined, path: string): void {
  const name = driver ?? '';
  if (!name) return void errors.push(required(path));
  if (name.length > 63) errors.push(tooLong(path, 63));
  for (const message of dns1123Subdomain(name.toLowerCase())) errors.push(invalid(path, name, message));
}

const csiSecretRefs = ['controllerPublishSecretRef', 'controllerExpandSecretRef', 'nodePublishSecretRef', 'nodeExpandSecretRef'];
const csi: SourceRule = (errors, source, path, { persistent }) => {
  validateCsiDriverName(errors, source.driver, `${path}.driver`);
  if (!persistent) {
    const ref = source.nodePublishSecretRef;
    if (ref && !ref.name) errors.push(required(`${path}.nodePublishSecretRef.name`));
    else if (ref) checkName(errors, `${path}.name`, ref.name, dns1123Subdomain);
    return;
  }
  if (!source.volumeHandle) errors.push(required(`${path}.volumeHandle`));
  for (const key of csiSecretRefs) {
    const ref = source[key];
    if (!ref) continue;
    if (!ref.name) errors.push(required(`${path}.${key}.name`));
    else checkName(errors, `${path}.${key}.name`, ref.name, dns1123Subdomain);
    if (!ref.namespace) errors.push(required(`${path}.${key}.namespace`));
    else checkName(errors, `${path}.${key}.namespace`, ref.namespace, dns1123Label);
  }
};

const monitors: SourceRule = (errors, source, path) => {
  if (!source.monitors?.length) errors.push(required(`${path}.monitors`));
};

/** By the field's name in the API. */
export const sharedSources: Record<string, SourceRule> = {
  hostPath,
  gitRepo,
  gcePersistentDisk: all(needs('pdName'), partition),
  awsElasticBlockStore: all(needs('volumeID'), partition),
  nfs,
  iscsi,
  glusterfs,
  flocker,
  rbd: all(monitors, needs('image')),
  cinder: all(needs('volumeID'), secretRef),
  cephfs: monitors,
  quobyte,
  fc: fibreChannel,
  flexVolume: flex,
  azureFile,
  vsphereVolume: needs('volumePath'),
  photonPersistentDisk: needs('pdID'),
  portworxVolume: needs('volumeID'),
  azureDisk,
  storageos,
  scaleIO: needs('gateway', 'system', 'volumeName'),
  csi,
  local,
};
