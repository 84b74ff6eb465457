/** Columns of the groups about networking, storage, access, admission, flow control and devices. */
import type { Column } from '../contract.ts';
import { age, createdAt, doc, flag, humanDuration, integer, name, none, selectorText, text, unset, wide } from './cells.ts';

/** Up to three hosts; whatever rules follow the third count as more, those without a host too. */
function hostsText(rules: readonly any[] = []): string {
  const shown: string[] = [];
  let more = false;
  for (const { host } of rules) {
    if (shown.length === 3) more = true;
    if (!more && host) shown.push(host);
  }
  return more ? `${shown.join(',')} + ${rules.length - 3} more...` : shown.join(',') || '*';
}
const some = (list: unknown[], limit: number): string => (list.length > limit ? `${list.slice(0, limit).join(',')} + ${list.length - limit} more...` : list.join(',') || unset);

/** The name column of a kind of which one object can be the default: it says so by one of these annotations. */
const nameOfDefault = (...annotations: string[]): Column<any> => text('Name', doc('meta.v1.ObjectMeta', 'name'), (o) => (annotations.some((key) => o.metadata.annotations?.[key] === 'true') ? `${o.metadata.name} (default)` : o.metadata.name), { format: 'name' });

export const networkingColumns: Record<string, Column<any>[]> = {
  ingresses: [
    name,
    text('Class', 'The name of the IngressClass resource that should be used for additional configuration', (o) => o.spec?.ingressClassName ?? none),
    text('Hosts', 'Hosts that incoming requests are matched against before the ingress rule', (o) => hostsText(o.spec?.rules)),
    text('Address', 'Address is a list containing ingress points for the load-balancer', (o) => [...new Set((o.status?.loadBalancer?.ingress ?? []).map((i: any) => i.ip || i.hostname).filter(Boolean))].sort().join(',')),
    text('Ports', 'Ports of TLS configurations that open', (o) => (o.spec?.tls?.length ? '80, 443' : '80')),
    age,
  ],
  ingressclasses: [
    nameOfDefault('ingressclass.kubernetes.io/is-default-class'),
    text('Controller', 'Controller that is responsible for handling this class', (o) => o.spec?.controller ?? ''),
    text('Parameters', 'A reference to a resource with additional parameters', (o) => {
      const p = o.spec?.parameters;
      return p ? `${p.kind}${(p.apiGroup ?? undefined) === undefined ? '' : `.${p.apiGroup}`}/${p.name}` : none;
    }),
    age,
  ],
  networkpolicies: [name, text('Pod-Selector', doc('networking.v1.NetworkPolicySpec', 'podSelector'), (o) => selectorText(o.spec?.podSelector)), age],
  servicecidrs: [name, text('CIDRs', doc('networking.v1.ServiceCIDRSpec', 'cidrs'), (o) => (o.spec?.cidrs ?? []).join(',')), age],
  ipaddresses: [
    name,
    text('ParentRef', doc('networking.v1.IPAddressSpec', 'parentRef'), (o) => {
      const p = o.spec?.parentRef;
      return p ? [`${p.resource ?? ''}${p.group ? `.${p.group}` : ''}`.toLowerCase(), ...(p.namespace ? [p.namespace] : []), p.name].join('/') : none;
    }),
    { ...age, undeclared: true },
  ],
};

export const discoveryColumns: Record<string, Column<any>[]> = {
  endpointslices: [
    name,
    text('AddressType', doc('discovery.v1.EndpointSlice', 'addressType'), (o) => o.addressType ?? ''),
    text('Ports', doc('discovery.v1.EndpointSlice', 'ports'), (o) => some((o.ports ?? []).map((p: any) => p.port ?? p.name ?? '*'), 3)),
    text('Endpoints', doc('discovery.v1.EndpointSlice', 'endpoints'), (o) => some((o.endpoints ?? []).flatMap((e: any) => e.addresses ?? []), 3)),
    age,
  ],
};

const subjects = (kind: string) => (o: any): string => (o.subjects ?? []).filter((s: any) => s.kind === kind).map((s: any) => (kind === 'ServiceAccount' ? `${s.namespace}/${s.name}` : s.name)).join(', ');
const roleRef = (o: any) => `${o.roleRef?.kind}/${o.roleRef?.name}`;
const bindingColumns = (word: string, type: string): Column<any>[] => [
  name,
  text('Role', doc(`rbac.v1beta1.${type}`, 'roleRef'), roleRef),
  age,
  text('Users', `Users in the ${word}`, subjects('User'), wide),
  text('Groups', `Groups in the ${word}`, subjects('Group'), wide),
  text('ServiceAccounts', `ServiceAccounts in the ${word}`, subjects('ServiceAccount'), wide),
];
export const rbacColumns: Record<string, Column<any>[]> = {
  roles: [name, createdAt],
  clusterroles: [name, createdAt],
  rolebindings: bindingColumns('roleBinding', 'RoleBinding'),
  clusterrolebindings: bindingColumns('clusterRoleBinding', 'ClusterRoleBinding'),
};

export const storageColumns: Record<string, Column<any>[]> = {
  storageclasses: [
    nameOfDefault('storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'),
    text('Provisioner', doc('storage.v1.StorageClass', 'provisioner'), (o) => o.provisioner),
    text('ReclaimPolicy', doc('storage.v1.StorageClass', 'reclaimPolicy'), (o) => o.reclaimPolicy ?? 'Delete'),
    text('VolumeBindingMode', doc('storage.v1.StorageClass', 'volumeBindingMode'), (o) => o.volumeBindingMode ?? 'Immediate'),
    text('AllowVolumeExpansion', doc('storage.v1.StorageClass', 'allowVolumeExpansion'), (o) => o.allowVolumeExpansion ?? false),
    age,
  ],
  volumeattributesclasses: [name, text('DriverName', doc('storage.v1.VolumeAttributesClass', 'driverName'), (o) => o.driverName), age],
  volumeattachments: [
    name,
    text('Attacher', doc('storage.v1.VolumeAttachmentSpec', 'attacher'), (o) => o.spec?.attacher, { format: 'name' }),
    text('PV', doc('storage.v1.VolumeAttachmentSource', 'persistentVolumeName'), (o) => o.spec?.source?.persistentVolumeName ?? ''),
    text('Node', doc('storage.v1.VolumeAttachmentSpec', 'nodeName'), (o) => o.spec?.nodeName),
    flag('Attached', doc('storage.v1.VolumeAttachmentStatus', 'attached'), (o) => o.status?.attached ?? false),
    age,
  ],
  csidrivers: [
    name,
    flag('AttachRequired', doc('storage.v1.CSIDriverSpec', 'attachRequired'), (o) => o.spec?.attachRequired ?? true),
    flag('PodInfoOnMount', doc('storage.v1.CSIDriverSpec', 'podInfoOnMount'), (o) => o.spec?.podInfoOnMount ?? false),
    flag('StorageCapacity', doc('storage.v1.CSIDriverSpec', 'storageCapacity'), (o) => o.spec?.storageCapacity ?? false),
    text('TokenRequests', doc('storage.v1.CSIDriverSpec', 'tokenRequests'), (o) => (o.spec?.tokenRequests?.length ? o.spec.tokenRequests.map((t: any) => t.audience).join(',') : unset)),
    flag('RequiresRepublish', doc('storage.v1.CSIDriverSpec', 'requiresRepublish'), (o) => o.spec?.requiresRepublish ?? false),
    text('Modes', doc('storage.v1.CSIDriverSpec', 'volumeLifecycleModes'), (o) => (o.spec?.volumeLifecycleModes ?? []).join(',') || none),
    age,
  ],
  csinodes: [name, integer('Drivers', 'Drivers indicates the number of CSI drivers registered on the node', (o) => (o.spec?.drivers ?? []).length), age],
  csistoragecapacities: [name, createdAt],
};

const webhooks: Column<any>[] = [name, integer('Webhooks', 'Webhooks indicates the number of webhooks registered in this configuration', (o) => (o.webhooks ?? []).length), age];
const paramKind = (o: any): string => (o.spec?.paramKind ? `${o.spec.paramKind.apiVersion}/${o.spec.paramKind.kind}` : unset);
const goMap = (map: Record<string, string> = {}) => `map[string]string{${Object.keys(map).sort().map((key) => `${key}: ${map[key]},`).join('')}}`;
/** A label selector as Go's generated code writes one. */
const goSelector = ({ matchLabels, matchExpressions = [] }: any): string =>
  `&LabelSelector{MatchLabels:${goMap(matchLabels)},MatchExpressions:[]LabelSelectorRequirement{${matchExpressions.map((e: any) => `LabelSelectorRequirement{Key:${e.key},Operator:${e.operator},Values:[${(e.values ?? []).join(' ')}],},`).join('')}},}`;
const paramRef = (o: any): string => {
  const ref = o.spec?.paramRef;
  if (!ref) return unset;
  if (ref.name) return `${ref.namespace || '*'}/${ref.name}`;
  return ref.selector ? goSelector(ref.selector) : unset;
};
const policyBinding: Column<any>[] = [
  name,
  text('PolicyName', 'PolicyName indicates the policy definition which the policy binding binded to', (o) => o.spec?.policyName ?? ''),
  text('ParamRef', 'ParamRef indicates the param resource which sets the configuration param', paramRef),
  age,
];
const paramKindColumn = text('ParamKind', 'ParamKind specifies the kind of resources used to parameterize this policy', paramKind);
export const admissionColumns: Record<string, Column<any>[]> = {
  validatingwebhookconfigurations: webhooks,
  mutatingwebhookconfigurations: webhooks,
  validatingadmissionpolicies: [name, integer('Validations', 'Validations indicates the number of validation rules defined in this configuration', (o) => (o.spec?.validations ?? []).length), paramKindColumn, age],
  validatingadmissionpolicybindings: policyBinding,
  mutatingadmissionpolicies: [name, integer('Mutations', 'Mutation indicates the number of mutations rules defined in this configuration', (o) => (o.spec?.mutations ?? []).length), paramKindColumn, age],
  mutatingadmissionpolicybindings: policyBinding,
};

export const flowControlColumns: Record<string, Column<any>[]> = {
  flowschemas: [
    name,
    text('PriorityLevel', doc('flowcontrol.v1.PriorityLevelConfigurationReference', 'name'), (o) => o.spec?.priorityLevelConfiguration?.name ?? none),
    text('MatchingPrecedence', doc('flowcontrol.v1.FlowSchemaSpec', 'matchingPrecedence'), (o) => o.spec?.matchingPrecedence ?? 0),
    text('DistinguisherMethod', doc('flowcontrol.v1.FlowSchemaSpec', 'distinguisherMethod'), (o) => o.spec?.distinguisherMethod?.type ?? none),
    age,
    text('MissingPL', 'references a broken or non-existent PriorityLevelConfiguration', (o) => o.status?.conditions?.find((c: any) => c.type === 'Dangling')?.status ?? '?'),
  ],
  prioritylevelconfigurations: [
    name,
    text('Type', doc('flowcontrol.v1.PriorityLevelConfigurationSpec', 'type'), (o) => o.spec?.type ?? ''),
    text('NominalConcurrencyShares', doc('flowcontrol.v1.LimitedPriorityLevelConfiguration', 'nominalConcurrencyShares'), (o) => (o.spec?.limited ? (o.spec.limited.nominalConcurrencyShares ?? 0) : none)),
    text('Queues', doc('flowcontrol.v1.QueuingConfiguration', 'queues'), (o) => o.spec?.limited?.limitResponse?.queuing?.queues ?? none),
    text('HandSize', doc('flowcontrol.v1.QueuingConfiguration', 'handSize'), (o) => o.spec?.limited?.limitResponse?.queuing?.handSize ?? none),
    text('QueueLengthLimit', doc('flowcontrol.v1.QueuingConfiguration', 'queueLengthLimit'), (o) => o.spec?.limited?.limitResponse?.queuing?.queueLengthLimit ?? none),
    age,
  ],
};

function claimState(claim: any): string {
  const parts: string[] = [];
  if (claim.metadata.deletionTimestamp) parts.push('deleted');
  if (!claim.status?.allocation) {
    if (!claim.metadata.deletionTimestamp) parts.push('pending');
  } else {
    parts.push('allocated');
    parts.push(claim.status.reservedFor?.length ? 'reserved' : '');
  }
  return parts.filter(Boolean).join(',');
}
export const resourceColumns: Record<string, Column<any>[]> = {
  deviceclasses: [name, age],
  resourceclaims: [name, text('State', 'A summary of the current state (allocated, pending, reserved, etc.).', claimState), age],
  resourceclaimtemplates: [name, age],
  resourceslices: [
    name,
    text('Node', doc('resource.v1.ResourceSliceSpec', 'nodeName'), (o) => o.spec?.nodeName ?? ''),
    text('Driver', doc('resource.v1.ResourceSliceSpec', 'driver'), (o) => o.spec?.driver ?? ''),
    text('Pool', doc('resource.v1.ResourcePool', 'name'), (o) => o.spec?.pool?.name ?? ''),
    age,
  ],
};

function csrCondition(csr: any): string {
  const types: string[] = (csr.status?.conditions ?? []).map((c: any) => c.type);
  const parts = types.includes('Denied') ? ['Denied'] : types.includes('Approved') ? ['Approved'] : ['Pending'];
  if (types.includes('Failed')) parts.push('Failed');
  if (csr.status?.certificate) parts.push('Issued');
  return parts.join(',');
}
export const certificateColumns: Record<string, Column<any>[]> = {
  certificatesigningrequests: [
    name,
    age,
    text('SignerName', doc('certificates.v1beta1.CertificateSigningRequestSpec', 'signerName'), (o) => o.spec?.signerName || none),
    text('Requestor', doc('certificates.v1beta1.CertificateSigningRequestSpec', 'request'), (o) => o.spec?.username ?? ''),
    text('RequestedDuration', doc('certificates.v1.CertificateSigningRequestSpec', 'expirationSeconds'), (o) => ((o.spec?.expirationSeconds ?? undefined) === undefined ? none : humanDuration(o.spec.expirationSeconds * 1000))),
    text('Condition', doc('certificates.v1beta1.CertificateSigningRequestStatus', 'conditions'), csrCondition),
  ],
};

export const miscColumns: Record<string, Record<string, Column<any>[]>> = {
  'coordination.k8s.io': { leases: [name, text('Holder', doc('coordination.v1.LeaseSpec', 'holderIdentity'), (o) => o.spec?.holderIdentity ?? ''), age] },
  'node.k8s.io': { runtimeclasses: [name, text('Handler', '', (o) => o.handler), age] },
  'scheduling.k8s.io': {
    priorityclasses: [
      name,
      integer('Value', doc('scheduling.v1.PriorityClass', 'value'), (o) => o.value ?? 0),
      flag('Global-Default', doc('scheduling.v1.PriorityClass', 'globalDefault'), (o) => o.globalDefault ?? false),
      age,
      text('PreemptionPolicy', doc('scheduling.v1.PriorityClass', 'preemptionPolicy'), (o) => o.preemptionPolicy ?? 'PreemptLowerPriority'),
    ],
  },
  'apiextensions.k8s.io': { customresourcedefinitions: [name, { ...createdAt, description: doc('meta.v1.ObjectMeta', 'creationTimestamp') }] },
  'apiregistration.k8s.io': {
    apiservices: [
      name,
      text('Service', 'The reference to the service that hosts this API endpoint.', (o) => (o.spec?.service ? `${o.spec.service.namespace}/${o.spec.service.name}` : 'Local')),
      text('Available', 'Whether this service is available.', (o) => {
        const c = o.status?.conditions?.find((x: any) => x.type === 'Available');
        if (!c) return 'Unknown';
        return c.status === 'True' ? 'True' : `${c.status} (${c.reason})`;
      }),
      age,
    ],
  },
};
