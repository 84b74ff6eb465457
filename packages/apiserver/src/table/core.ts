/** Columns of the core group but pods. */
import type { Column } from '../contract.ts';
import { podColumns } from './pods.ts';
import { age, createdAt, doc, formatLabels, integer, name, none, since, templateColumns, text, unknown, unset, wide } from './cells.ts';

const accessModes: Record<string, string> = { ReadWriteOnce: 'RWO', ReadOnlyMany: 'ROX', ReadWriteMany: 'RWX', ReadWriteOncePod: 'RWOP' };
/** In this order, whatever the object's. */
const modesText = (modes: string[] | undefined) => Object.keys(accessModes).filter((m) => modes?.includes(m)).map((m) => accessModes[m]).join(',');

const nodeRoles = (node: any): string => {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries<string>(node.metadata.labels ?? {})) {
    if (key.startsWith('node-role.kubernetes.io/') && key.length > 24) roles.add(key.slice(24));
    else if (key === 'kubernetes.io/role' && value) roles.add(value);
  }
  return [...roles].sort().join(',') || none;
};
const nodeStatus = (node: any): string => {
  const ready = node.status?.conditions?.find((c: any) => c.type === 'Ready');
  const parts = [ready ? (ready.status === 'True' ? 'Ready' : ready.status === 'Unknown' || ready.status === 'False' ? 'NotReady' : 'NotReady') : 'Unknown'];
  if (node.spec?.unschedulable) parts.push('SchedulingDisabled');
  return parts.join(',');
};
const nodeAddress = (type: string) => (node: any): string => node.status?.addresses?.find((a: any) => a.type === type)?.address ?? none;

const servicePorts = (service: any): string => (service.spec?.ports ?? []).map((p: any) => (p.nodePort > 0 ? `${p.port}:${p.nodePort}/${p.protocol}` : `${p.port}/${p.protocol}`)).join(',') || none;
function externalIp(service: any): string {
  const fixed = (service.spec?.externalIPs ?? []).join(',');
  if (service.spec?.type === 'ExternalName') return service.spec.externalName;
  if (service.spec?.type !== 'LoadBalancer') return fixed || none;
  const balanced = [...new Set((service.status?.loadBalancer?.ingress ?? []).map((i: any) => i.ip || i.hostname).filter(Boolean))].sort().join(',');
  return [balanced, fixed].filter(Boolean).join(',') || '<pending>';
}

function endpointsText(endpoints: any): string {
  if (!endpoints.subsets?.length) return none;
  const shown: string[] = [];
  let more = false;
  let count = 0;
  for (const subset of endpoints.subsets ?? []) {
    const ports = subset.ports?.length ? subset.ports : [undefined];
    if (!subset.ports?.length) {
      for (const address of subset.addresses ?? []) {
        if (shown.length === 3) more = true;
        else shown.push(address.ip);
        count++;
      }
      continue;
    }
    for (const port of ports) {
      for (const address of subset.addresses ?? []) {
        if (shown.length === 3) more = true;
        else shown.push(address.ip.includes(':') ? `[${address.ip}]:${port.port}` : `${address.ip}:${port.port}`);
        count++;
      }
    }
  }
  return more ? `${shown.join(',')} + ${count - 3} more...` : shown.join(',');
}

const eventKind = (o: any) => o.involvedObject ?? o.regarding ?? {};
const eventSource = (o: any): string => {
  const source = o.source ?? o.deprecatedSource ?? {};
  const component = source.component || o.reportingController || o.reportingComponent || '';
  const instance = source.host || o.reportingInstance;
  return instance ? `${component}, ${instance}` : component;
};
const eventCount = (o: any): number => o.series?.count ?? (o.count || o.deprecatedCount || 1);
const eventFirst = (o: any): string | undefined => o.firstTimestamp ?? o.deprecatedFirstTimestamp ?? o.eventTime ?? undefined;
const eventLast = (o: any): string | undefined => (o.series ? o.series.lastObservedTime : (o.lastTimestamp ?? o.deprecatedLastTimestamp ?? eventFirst(o)));
const objectText = (ref: any) => `${(ref.kind ?? '').toLowerCase()}${ref.name ? `/${ref.name}` : ''}`;

export const eventColumns: Column<any>[] = [
  text('Last Seen', doc('core.v1.Event', 'lastTimestamp'), (o, now) => since(eventLast(o), now)),
  text('Type', doc('core.v1.Event', 'type'), (o) => o.type ?? ''),
  text('Reason', doc('core.v1.Event', 'reason'), (o) => o.reason ?? ''),
  text('Object', doc('core.v1.Event', 'involvedObject'), (o) => objectText(eventKind(o))),
  text('Subobject', doc('core.v1.ObjectReference', 'fieldPath'), (o) => eventKind(o).fieldPath ?? '', wide),
  text('Source', doc('core.v1.Event', 'source'), eventSource, wide),
  text('Message', doc('core.v1.Event', 'message'), (o) => (o.message ?? o.note ?? '').trim()),
  text('First Seen', doc('core.v1.Event', 'firstTimestamp'), (o, now) => since(eventFirst(o), now), wide),
  text('Count', doc('core.v1.Event', 'count'), eventCount, wide),
  { ...name, priority: 1 },
];

function quotaText(quota: any, limits: boolean): string {
  const parts: string[] = [];
  for (const resource of Object.keys(quota.status?.hard ?? {}).sort()) {
    if (resource.startsWith('limits') !== limits) continue;
    parts.push(`${resource}: ${quota.status.used?.[resource] ?? '0'}/${quota.status.hard[resource]}`);
  }
  return parts.join(', ');
}

const claimOf = (pv: any) => (pv.spec?.claimRef ? `${pv.spec.claimRef.namespace}/${pv.spec.claimRef.name}` : '');
const deleting = (o: any, phase: string) => (o.metadata.deletionTimestamp ? 'Terminating' : phase);
const betaClass = (o: any) => o.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? o.spec?.storageClassName ?? '';

export const coreColumns: Record<string, Column<any>[]> = {
  pods: podColumns,
  podtemplates: [name, ...templateColumns((o) => o.template, undefined, 0), text('Pod Labels', 'The labels for the pod template.', (o) => formatLabels(o.template?.metadata?.labels))],
  replicationcontrollers: [
    name,
    integer('Desired', doc('core.v1.ReplicationControllerSpec', 'replicas'), (o) => o.spec?.replicas ?? 0),
    integer('Current', doc('core.v1.ReplicationControllerStatus', 'replicas'), (o) => o.status?.replicas ?? 0),
    integer('Ready', doc('core.v1.ReplicationControllerStatus', 'readyReplicas'), (o) => o.status?.readyReplicas ?? 0),
    age,
    ...templateColumns((o) => o.spec?.template, { description: doc('core.v1.ReplicationControllerSpec', 'selector'), value: (o) => formatLabels(o.spec?.selector) }),
  ],
  services: [
    name,
    text('Type', doc('core.v1.ServiceSpec', 'type'), (o) => o.spec?.type ?? ''),
    text('Cluster-IP', doc('core.v1.ServiceSpec', 'clusterIP'), (o) => o.spec?.clusterIPs?.[0] || o.spec?.clusterIP || none),
    text('External-IP', doc('core.v1.ServiceSpec', 'externalIPs'), externalIp),
    text('Port(s)', doc('core.v1.ServiceSpec', 'ports'), servicePorts),
    age,
    text('Selector', doc('core.v1.ServiceSpec', 'selector'), (o) => formatLabels(o.spec?.selector), wide),
  ],
  endpoints: [name, text('Endpoints', doc('core.v1.Endpoints', 'subsets'), endpointsText), age],
  nodes: [
    name,
    text('Status', 'The status of the node', nodeStatus),
    text('Roles', 'The roles of the node', nodeRoles),
    age,
    text('Version', doc('core.v1.NodeSystemInfo', 'kubeletVersion'), (o) => o.status?.nodeInfo?.kubeletVersion ?? ''),
    text('Internal-IP', doc('core.v1.NodeStatus', 'addresses'), nodeAddress('InternalIP'), wide),
    text('External-IP', doc('core.v1.NodeStatus', 'addresses'), nodeAddress('ExternalIP'), wide),
    text('OS-Image', doc('core.v1.NodeSystemInfo', 'osImage'), (o) => o.status?.nodeInfo?.osImage || unknown, wide),
    text('Kernel-Version', doc('core.v1.NodeSystemInfo', 'kernelVersion'), (o) => o.status?.nodeInfo?.kernelVersion || unknown, wide),
    text('Container-Runtime', doc('core.v1.NodeSystemInfo', 'containerRuntimeVersion'), (o) => o.status?.nodeInfo?.containerRuntimeVersion || unknown, wide),
  ],
  events: eventColumns,
  namespaces: [name, text('Status', 'The status of the namespace', (o) => o.status?.phase ?? ''), age],
  secrets: [name, text('Type', doc('core.v1.Secret', 'type'), (o) => o.type ?? ''), text('Data', doc('core.v1.Secret', 'data'), (o) => Object.keys(o.data ?? {}).length), age],
  configmaps: [name, text('Data', doc('core.v1.ConfigMap', 'data'), (o) => Object.keys(o.data ?? {}).length + Object.keys(o.binaryData ?? {}).length), age],
  serviceaccounts: [name, age],
  limitranges: [name, createdAt],
  resourcequotas: [
    name,
    text('Request', 'Request represents a minimum amount of cpu/memory that a container may consume.', (o) => quotaText(o, false)),
    text('Limit', 'Limits control the maximum amount of cpu/memory that a container may use independent of contention on the node.', (o) => quotaText(o, true)),
    age,
  ],
  persistentvolumes: [
    name,
    text('Capacity', doc('core.v1.PersistentVolumeSpec', 'capacity'), (o) => o.spec?.capacity?.storage ?? '0'),
    text('Access Modes', doc('core.v1.PersistentVolumeSpec', 'accessModes'), (o) => modesText(o.spec?.accessModes)),
    text('Reclaim Policy', doc('core.v1.PersistentVolumeSpec', 'persistentVolumeReclaimPolicy'), (o) => o.spec?.persistentVolumeReclaimPolicy ?? ''),
    text('Status', doc('core.v1.PersistentVolumeStatus', 'phase'), (o) => deleting(o, o.status?.phase ?? '')),
    text('Claim', doc('core.v1.PersistentVolumeSpec', 'claimRef'), claimOf),
    text('StorageClass', 'StorageClass of the pv', betaClass),
    text('VolumeAttributesClass', 'VolumeAttributesClass of the pv', (o) => o.spec?.volumeAttributesClassName ?? unset),
    text('Reason', doc('core.v1.PersistentVolumeStatus', 'reason'), (o) => o.status?.reason ?? ''),
    age,
    text('VolumeMode', doc('core.v1.PersistentVolumeSpec', 'volumeMode'), (o) => o.spec?.volumeMode ?? unset, wide),
  ],
  persistentvolumeclaims: [
    name,
    text('Status', doc('core.v1.PersistentVolumeClaimStatus', 'phase'), (o) => deleting(o, o.status?.phase ?? '')),
    text('Volume', doc('core.v1.PersistentVolumeClaimSpec', 'volumeName'), (o) => o.spec?.volumeName ?? ''),
    text('Capacity', doc('core.v1.PersistentVolumeClaimStatus', 'capacity'), (o) => (o.spec?.volumeName ? (o.status?.capacity?.storage ?? '0') : '')),
    text('Access Modes', doc('core.v1.PersistentVolumeClaimStatus', 'accessModes'), (o) => (o.spec?.volumeName ? modesText(o.status?.accessModes) : '')),
    text('StorageClass', 'StorageClass of the pvc', betaClass),
    text('VolumeAttributesClass', 'VolumeAttributesClass of the pvc', (o) => o.spec?.volumeAttributesClassName ?? unset),
    age,
    text('VolumeMode', doc('core.v1.PersistentVolumeClaimSpec', 'volumeMode'), (o) => o.spec?.volumeMode ?? unset, wide),
  ],
  componentstatuses: [
    name,
    text('Status', 'Status of the component conditions', (o) => { const healthy = o.conditions?.find((c: any) => c.type === 'Healthy'); return !healthy ? 'Unknown' : healthy.status === 'True' ? 'Healthy' : 'Unhealthy'; }),
    text('Message', 'Message of the component conditions', (o) => o.conditions?.find((c: any) => c.type === 'Healthy')?.message ?? ''),
    text('Error', 'Error of the component conditions', (o) => o.conditions?.find((c: any) => c.type === 'Healthy')?.error ?? ''),
  ],
};
