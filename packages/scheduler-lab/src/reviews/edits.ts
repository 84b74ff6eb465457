/** Edits of the cluster, made to a copy of it. */
import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { applyMergePatch, dns1123Subdomain, type FieldError, invalid, notFound, required } from '@pilothouse/apimachinery';
import { PodInfo } from '@pilothouse/scheduler-framework';
import type { Edit } from '../api/types.ts';
import type { ClusterCopy } from '../history/copy.ts';
import { completePod } from './complete-pod.ts';

/** An edit that cannot be made. */
export class EditError extends Error {
  override name = 'EditError';
  readonly findings: readonly FieldError[];
  constructor(findings: readonly FieldError[]) {
    super(findings.map((f) => `${f.field}: ${f.message}`).join(', '));
    this.findings = findings;
  }
}

export interface EditContext {
  readonly copy: ClusterCopy;
  /** The pod under review; some edits change it. */
  pod: Pod;
  /** Where pods are looked for that name no namespace. */
  readonly namespace: string;
  /** Priority by the name of a class; undefined where there is none. */
  readonly priorityOf: (className: string | undefined) => number | undefined;
}

type Kind = keyof Edit;
type Apply<K extends Kind> = (edit: NonNullable<Edit[K]>, context: EditContext, field: string) => void;

const refuse = (finding: FieldError): never => {
  throw new EditError([finding]);
};

function nodeNamed({ copy }: EditContext, name: string, field: string): Node {
  const index = copy.snapshot.indexOf(name);
  return index >= 0 ? copy.snapshot.nodes[index]! : refuse(name ? notFound(`${field}.name`, name) : required(`${field}.name`));
}

const changeNode = ({ copy }: EditContext, old: Node, now: Node): void => copy.edit({ kind: 'node', old, now });

/** What each kind of edit does. @throws EditError */
export const appliers: { readonly [K in Kind]-?: Apply<K> } = {
  addNode({ name, like, node }, context, field) {
    const wrong = name ? dns1123Subdomain(name) : [];
    if (!name) refuse(required(`${field}.name`));
    if (wrong.length) refuse(invalid(`${field}.name`, name, wrong[0]));
    if (context.copy.snapshot.indexOf(name) >= 0) refuse({ reason: 'FieldValueDuplicate', field: `${field}.name`, message: `Duplicate value: ${JSON.stringify(name)}` });
    const model: Pick<Node, 'metadata' | 'spec' | 'status'> | undefined = like ? nodeNamed(context, like, `${field}.like`.replace(/\.name$/, '')) : node;
    if (!model) return refuse(required(`${field}.like`, 'one of like and node is needed'));
    const labels = { ...model.metadata?.labels, 'kubernetes.io/hostname': name };
    context.copy.edit({ kind: 'node', old: undefined, now: { ...model, metadata: { ...model.metadata, name, uid: `what-if-${name}`, labels } } as Node });
  },
  removeNode({ name }, context, field) {
    const old = nodeNamed(context, name, field);
    const { snapshot } = context.copy;
    for (const info of [...snapshot.pods[snapshot.indexOf(name)]]) context.copy.edit({ kind: 'pod', info, node: name, sign: -1 });
    context.copy.edit({ kind: 'node', old, now: undefined });
  },
  taintNode({ name, taint, remove }, context, field) {
    const old = nodeNamed(context, name, field);
    if (!taint?.key) refuse(required(`${field}.taint.key`));
    const taints = old.spec?.taints ?? [];
    const same = (t: { key: string; effect?: string }) => t.key === taint.key && (!taint.effect || t.effect === taint.effect);
    if (remove && !taints.some(same)) refuse(notFound(`${field}.taint`, `${taint.key}${taint.effect ? `:${taint.effect}` : ''}`));
    if (!remove && !['NoSchedule', 'PreferNoSchedule', 'NoExecute'].includes(taint.effect ?? '')) refuse({ reason: 'FieldValueNotSupported', field: `${field}.taint.effect`, message: `Unsupported value: ${JSON.stringify(taint.effect ?? '')}: supported values: "NoExecute", "NoSchedule", "PreferNoSchedule"` });
    const left = taints.filter((t) => !same(t));
    changeNode(context, old, { ...old, spec: { ...old.spec, taints: remove ? left : [...left, { ...taint, effect: taint.effect! }] } });
  },
  labelNode({ name, labels }, context, field) {
    const old = nodeNamed(context, name, field);
    const now: Record<string, string> = { ...old.metadata.labels };
    for (const [key, value] of Object.entries(labels ?? {})) {
      if (value === null) delete now[key];
      else now[key] = value;
    }
    changeNode(context, old, { ...old, metadata: { ...old.metadata, labels: now } });
  },
  cordonNode({ name, unschedulable }, context, field) {
    const old = nodeNamed(context, name, field);
    const taints = (old.spec?.taints ?? []).filter((t) => t.key !== 'node.kubernetes.io/unschedulable');
    changeNode(context, old, { ...old, spec: { ...old.spec, unschedulable, taints: unschedulable ? [...taints, { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] : taints } });
  },
  resizeNode({ name, allocatable }, context, field) {
    const old = nodeNamed(context, name, field);
    changeNode(context, old, { ...old, status: { ...old.status, allocatable: { ...old.status?.allocatable, ...allocatable }, capacity: { ...old.status?.capacity, ...allocatable } } });
  },
  evictPod({ namespace = '', name }, context, field) {
    const where = namespace || context.namespace;
    for (const { info, node } of context.copy.snapshot.podsByNamespace.get(where)?.values() ?? []) {
      if (info.name !== name) continue;
      context.copy.edit({ kind: 'pod', info, node: context.copy.snapshot.names[node], sign: -1 });
      return;
    }
    refuse(notFound(field, `${where}/${name}`));
  },
  addPod(pod, context, field) {
    const node = pod.spec?.nodeName;
    if (!node) return refuse(required(`${field}.spec.nodeName`));
    if (context.copy.snapshot.indexOf(node) < 0) refuse(notFound(`${field}.spec.nodeName`, node));
    const complete = completePod(pod, { namespace: pod.metadata?.namespace || context.namespace, name: pod.metadata?.name || `added-${context.copy.editCount}`, priorityOf: context.priorityOf });
    context.copy.edit({ kind: 'pod', info: new PodInfo(complete), node, sign: 1 });
  },
  patchPod(patch, context, field) {
    if (!patch || typeof patch !== 'object' || Array.isArray(patch)) refuse(invalid(field, patch, 'must be an object'));
    const { apiVersion, kind, metadata, ...rest } = applyMergePatch(context.pod as never, patch) as unknown as Pod & Record<string, unknown>;
    const { uid, name, namespace } = context.pod.metadata;
    context.pod = { apiVersion, kind, ...rest, metadata: { ...metadata, uid, name, namespace } } as Pod;
  },
};

export const editKinds = Object.keys(appliers) as Kind[];

/** Makes the edits in order. `field`: path of the list. @throws EditError */
export function applyEdits(edits: readonly Edit[], context: EditContext, field: string): void {
  edits.forEach((edit, i) => applyEdit(edit, context, `${field}[${i}]`));
}

function applyEdit(edit: Edit, context: EditContext, field: string): void {
  const kinds = Object.keys(edit ?? {}).filter((k) => edit[k as Kind] !== undefined && edit[k as Kind] !== null) as Kind[];
  if (kinds.length !== 1) throw new EditError([kinds.length ? { reason: 'FieldValueForbidden', field, message: 'Forbidden: may not specify more than 1 edit' } : required(field, 'must specify an edit')]);
  const apply = appliers[kinds[0]] as Apply<Kind>;
  apply(edit[kinds[0]]! as never, context, `${field}.${kinds[0]}`);
}
