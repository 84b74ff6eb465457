/** Kubelets change their own node and its pods, and nothing that would draw other work to them. */
import type { Node, PersistentVolumeClaim, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { csiDrivers, goQuote, nodes, notFoundError, persistentVolumeClaims, persistentVolumes, pods } from '@pilothouse/apimachinery';
import { isDeepStrictEqual } from 'node:util';
import type { AdmissionAttributes, AdmissionPlugin } from '../contract.ts';
import { nodeOf } from '../auth/names.ts';
import { podReferences } from '../auth/authorizers/node-graph.ts';
import { problemOfRequest } from '../resources/certificates/request-pem.ts';
import { isAbout, refuse } from './refuse.ts';

const quoted = goQuote;
const mirror = 'kubernetes.io/config.mirror';

async function podOf(a: AdmissionAttributes, name: string): Promise<Pod> {
  const pod = await a.read.get(pods, name, a.namespace);
  if (!pod) throw notFoundError(pods, name);
  return pod;
}

async function checkMirrorPod(a: AdmissionAttributes, node: string): Promise<void> {
  const pod = a.object as Pod;
  const only = `node ${quoted(node)} can only create pods with`;
  if (pod.metadata.annotations?.[mirror] === undefined) throw refuse(a, `pod does not have ${quoted(mirror)} annotation, node ${quoted(node)} can only create mirror pods`);
  if (pod.spec?.nodeName !== node) throw refuse(a, `${only} spec.nodeName set to itself`);
  const owners = pod.metadata.ownerReferences ?? [];
  if (owners.length > 1) throw refuse(a, `${only} a single owner reference set to itself`);
  const [owner] = owners;
  if (!owner || owner.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node) throw refuse(a, `${only} an owner reference set to itself`);
  if (!owner.controller) throw refuse(a, `${only} a controller owner reference set to itself`);
  if (owner.blockOwnerDeletion) throw refuse(a, `node ${quoted(node)} must not set blockOwnerDeletion on an owner reference`);
  const held = await a.read.get(nodes, node);
  if (!held) throw notFoundError(nodes, node);
  if (owner.uid !== held.metadata.uid) throw refuse(a, `node ${node} UID mismatch: expected ${owner.uid} got ${held.metadata.uid}`);
  // As if it were no mirror pod: those are given no references at all.
  const references = podReferences({ ...pod, metadata: { ...pod.metadata, annotations: {} } });
  const no = `node ${quoted(node)} can not create pods that reference`;
  for (const [kind, words] of [['serviceaccounts', 'a service account'], ['secrets', 'secrets'], ['configmaps', 'configmaps']]) if (references.some((r) => r.startsWith(`${kind}/`))) throw refuse(a, `${no} ${words}`);
  const volumes = pod.spec?.volumes ?? [];
  if (volumes.some((v) => v.projected?.sources?.some((s) => s.clusterTrustBundle))) throw refuse(a, `${no} clustertrustbundles`);
  if (volumes.some((v) => v.persistentVolumeClaim)) throw refuse(a, `${no} persistentvolumeclaims`);
}

const claimsOf = (pod: Pod) => (pod.status?.resourceClaimStatuses ?? []).map(({ name, resourceClaimName }) => [name, resourceClaimName ?? null]);

function extendedClaimOf(pod: Pod) {
  const held = pod.status?.extendedResourceClaimStatus;
  return held ? [held.resourceClaimName, (held.requestMappings ?? []).map((m) => [m.containerName, m.resourceName, m.requestName])] : undefined;
}

async function checkPod(a: AdmissionAttributes, node: string): Promise<void> {
  switch (a.subresource) {
    case '':
      if (a.operation === 'CREATE') return checkMirrorPod(a, node);
      if (a.operation !== 'DELETE') throw refuse(a, `unexpected operation ${quoted(a.operation)}, node ${quoted(node)} can only create and delete mirror pods`);
      if ((await podOf(a, a.name)).spec?.nodeName !== node) throw refuse(a, `node ${quoted(node)} can only delete pods with spec.nodeName set to itself`);
      return;
    case 'status': {
      if (a.operation !== 'UPDATE') throw refuse(a, `unexpected operation ${quoted(a.operation)}`);
      const old = a.old as Pod;
      const pod = a.object as Pod;
      if (old.spec?.nodeName !== node) throw refuse(a, `node ${quoted(node)} can only update pod status for pods with spec.nodeName set to itself`);
      if (!isDeepStrictEqual(old.metadata.labels ?? {}, pod.metadata.labels ?? {})) throw refuse(a, `node ${quoted(node)} cannot update labels through pod status`);
      if (!isDeepStrictEqual(claimsOf(old), claimsOf(pod))) throw refuse(a, `node ${quoted(node)} cannot update resource claim statues`);
      if (!isDeepStrictEqual(extendedClaimOf(old), extendedClaimOf(pod))) throw refuse(a, `node ${quoted(node)} cannot update extended resource claim status`);
      return;
    }
    case 'eviction':
      if (a.operation !== 'CREATE') throw refuse(a, `unexpected operation ${a.operation}`);
      if ((await podOf(a, a.name || a.object?.metadata?.name || '')).spec?.nodeName !== node) throw refuse(a, `node ${node} can only evict pods with spec.nodeName set to itself`);
      return;
    default:
      throw refuse(a, `unexpected pod subresource ${quoted(a.subresource)}, only 'status' and 'eviction' are allowed`);
  }
}

const kubeletLabels = new Set(['kubernetes.io/hostname', 'topology.kubernetes.io/zone', 'topology.kubernetes.io/region', 'failure-domain.beta.kubernetes.io/zone', 'failure-domain.beta.kubernetes.io/region', 'node.kubernetes.io/instance-type', 'beta.kubernetes.io/instance-type', 'kubernetes.io/os', 'beta.kubernetes.io/os', 'kubernetes.io/arch', 'beta.kubernetes.io/arch', 'node.kubernetes.io/windows-build']);
const under = (domain: string, parent: string) => domain === parent || domain.endsWith(`.${parent}`);

/** Labels among the changed ones that a kubelet may not set. */
export function forbiddenLabels(labels: Record<string, string> = {}, old: Record<string, string> = {}): string[] {
  const changed = [...new Set([...Object.keys(labels), ...Object.keys(old)])].filter((key) => labels[key] !== old[key]);
  return changed
    .filter((key) => {
      const domain = key.includes('/') ? key.slice(0, key.indexOf('/')) : '';
      if (under(domain, 'node-restriction.kubernetes.io')) return true;
      const reserved = under(domain, 'kubernetes.io') || under(domain, 'k8s.io');
      return reserved && !kubeletLabels.has(key) && !under(domain, 'kubelet.kubernetes.io') && !under(domain, 'node.kubernetes.io');
    })
    .sort();
}

function checkNode(a: AdmissionAttributes, node: string): void {
  const name = a.name || a.object?.metadata?.name;
  if (name !== node) throw refuse(a, `node ${quoted(node)} is not allowed to modify node ${quoted(name)}`);
  const now = a.object as Node | undefined;
  if (a.operation === 'CREATE') {
    if (now!.spec?.configSource) throw refuse(a, `node ${quoted(node)} is not allowed to create pods with a non-nil configSource`);
    const labels = forbiddenLabels(now!.metadata.labels);
    if (labels.length) throw refuse(a, `node ${quoted(node)} is not allowed to set the following labels: ${labels.join(', ')}`);
  }
  if (a.operation === 'UPDATE') {
    const old = a.old as Node;
    if (now!.spec?.configSource && !isDeepStrictEqual(now!.spec.configSource, old.spec?.configSource)) throw refuse(a, `node ${quoted(node)} is not allowed to update configSource to a new non-nil configSource`);
    if (!isDeepStrictEqual(now!.spec?.taints ?? [], old.spec?.taints ?? [])) throw refuse(a, `node ${quoted(node)} is not allowed to modify taints`);
    if (!isDeepStrictEqual(now!.metadata.ownerReferences ?? [], old.metadata.ownerReferences ?? [])) throw refuse(a, `node ${quoted(node)} is not allowed to modify ownerReferences`);
    const labels = forbiddenLabels(now!.metadata.labels, old.metadata.labels);
    if (labels.length) throw refuse(a, `is not allowed to modify labels: ${labels.join(', ')}`);
  }
}

function checkClaim(a: AdmissionAttributes, node: string): void {
  if (a.subresource !== 'status') throw refuse(a, 'may only update PVC status');
  if (a.operation !== 'UPDATE') throw refuse(a, `unexpected operation ${quoted(a.operation)}`);
  const fixed = (claim: PersistentVolumeClaim) => {
    const { resourceVersion: _r, managedFields: _m, ...metadata } = claim.metadata;
    const { capacity: _c, conditions: _k, allocatedResources: _a, allocatedResourceStatuses: _s, ...status } = claim.status ?? {};
    return { metadata, spec: claim.spec, status };
  };
  if (!isDeepStrictEqual(fixed(a.old), fixed(a.object))) throw refuse(a, `node ${quoted(node)} is not allowed to update fields other than status.quantity and status.conditions`);
}

/** Audiences of the tokens that the pod's volumes ask for, its CSI drivers' among them. */
async function audiencesOf(a: AdmissionAttributes, pod: Pod): Promise<Set<string>> {
  const found = new Set<string>();
  const drivers = new Set<string>();
  for (const volume of pod.spec?.volumes ?? []) {
    for (const source of volume.projected?.sources ?? []) if (source.serviceAccountToken) found.add(source.serviceAccountToken.audience ?? '');
    if (volume.csi) drivers.add(volume.csi.driver);
    const claimName = volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral ? `${pod.metadata.name}-${volume.name}` : undefined);
    const claim = claimName ? await a.read.get(persistentVolumeClaims, claimName, a.namespace) : undefined;
    const bound = claim?.spec?.volumeName ? await a.read.get(persistentVolumes, claim.spec.volumeName) : undefined;
    if (bound?.spec?.csi) drivers.add(bound.spec.csi.driver);
  }
  for (const name of drivers) for (const request of (await a.read.get(csiDrivers, name))?.spec?.tokenRequests ?? []) found.add(request.audience ?? '');
  return found;
}

async function checkToken(a: AdmissionAttributes, node: string): Promise<void> {
  if (a.operation !== 'CREATE' || a.subresource !== 'token') return;
  const spec = a.object.spec ?? {};
  const reference = spec.boundObjectRef;
  if (reference?.apiVersion !== 'v1' || reference.kind !== 'Pod' || !reference.name) throw refuse(a, 'node requested token not bound to a pod');
  if (!reference.uid) throw refuse(a, 'node requested token with a pod binding without a uid');
  const pod = await podOf(a, reference.name);
  if (reference.uid !== pod.metadata.uid) throw refuse(a, `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`);
  if (pod.spec?.nodeName !== node) throw refuse(a, 'node requested token bound to a pod scheduled on a different node');
  const requested: string[] = spec.audiences ?? [];
  if (requested.length > 1) throw refuse(a, 'node may only request 0 or 1 audiences');
  const audience = requested[0] ?? '';
  if ((await audiencesOf(a, pod)).has(audience)) return;
  const { decision } = await a.authorize({ user: a.user, verb: 'request-serviceaccounts-token-audience', isResource: true, path: '', group: '', version: 'v1', resource: audience, subresource: '', namespace: a.namespace, name: a.name });
  if (decision !== 'allow') throw refuse(a, `audience ${quoted(audience)} not found in pod spec volume, ${a.user.name} is not authorized to request tokens for this audience`);
}

function checkOwnName(a: AdmissionAttributes, node: string, what: string): void {
  if ((a.operation === 'CREATE' ? a.object?.metadata?.name : a.name) !== node) throw refuse(a, `can only access ${what} with the same name as the requesting node`);
}

function checkSlice(a: AdmissionAttributes, node: string): void {
  const own = (slice: any) => slice?.spec?.nodeName === node;
  if (a.operation === 'CREATE' && !own(a.object)) throw refuse(a, 'can only create ResourceSlice with the same NodeName as the requesting node');
  if (a.operation === 'DELETE' && !own(a.old)) throw refuse(a, 'can only delete ResourceSlice with the same NodeName as the requesting node');
}

const kubeletSigners = ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet'];

/** A kubelet asks for certificates of its own node only. */
async function checkRequest(a: AdmissionAttributes, node: string): Promise<void> {
  if (a.operation !== 'CREATE' || !kubeletSigners.includes(a.object.spec?.signerName)) return;
  const bytes = Buffer.from(a.object.spec.request ?? '', 'base64');
  await import('reflect-metadata');
  const { Pkcs10CertificateRequest } = await import('@peculiar/x509');
  let names: string[];
  try {
    names = new Pkcs10CertificateRequest(bytes.toString()).subjectName.getField('CN');
  } catch (error) {
    throw refuse(a, `unable to parse csr: ${problemOfRequest(bytes) ?? (error as Error).message}`);
  }
  if ((names.at(-1) ?? '') !== `system:node:${node}`) throw refuse(a, `can only create a node CSR with CN=system:node:${node}`);
}

export const nodeRestriction: AdmissionPlugin = {
  name: 'NodeRestriction',
  operations: ['CREATE', 'UPDATE', 'DELETE'],
  mutate(a) {
    const node = nodeOf(a.user)?.name;
    return node === undefined ? undefined : restrict(a, node);
  },
};

async function restrict(a: AdmissionAttributes, node: string): Promise<void> {
  if (!node) throw refuse(a, `could not determine node from user ${quoted(a.user.name)}`);
  if (isAbout(a, 'pods')) await checkPod(a, node);
  else if (isAbout(a, 'nodes')) checkNode(a, node);
  else if (isAbout(a, 'persistentvolumeclaims')) checkClaim(a, node);
  else if (isAbout(a, 'serviceaccounts')) await checkToken(a, node);
  else if (isAbout(a, 'coordination.k8s.io/leases')) {
    if (a.namespace !== 'kube-node-lease') throw refuse(a, 'can only access leases in the "kube-node-lease" system namespace');
    checkOwnName(a, node, 'node lease');
  } else if (isAbout(a, 'storage.k8s.io/csinodes')) checkOwnName(a, node, 'CSINode');
  else if (isAbout(a, 'resource.k8s.io/resourceslices')) checkSlice(a, node);
  else if (isAbout(a, 'certificates.k8s.io/certificatesigningrequests')) await checkRequest(a, node);
}
