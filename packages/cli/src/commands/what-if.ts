import { readFileSync } from 'node:fs';
import type { PodTemplateSpec } from '@pilothouse/api-schemas/types/core/v1';
import { type KubeObject, parseYaml, parseYamlDocuments } from '@pilothouse/apimachinery';
import { messageOf, UserError } from '@pilothouse/base';
import { addNodeEdit, type Edit, evictEdit, FlagError, labelEdit, report, resizeEdit, type SchedulingReview, type SchedulingReviewSpec, taintEdit } from '@pilothouse/scheduler-lab';
import { askReview } from '../parts/lab-client.ts';
import { print, terminalOptions } from '../parts/terminal.ts';
import { type AccessFlags, userAccess } from '../parts/user-access.ts';
import { asUserError } from './why.ts';

interface WhatIfFlags extends AccessFlags {
  filename?: string;
  output?: string;
  profile?: string;
  config?: string;
  priority?: number;
  nodeTaint: string[];
  nodeLabel: string[];
  nodeResize: string[];
  addNode: string[];
  removeNode: string[];
  cordon: string[];
  uncordon: string[];
  evict: string[];
}

interface Asked {
  namespace?: string;
  spec: Pick<SchedulingReviewSpec, 'pod' | 'podName'>;
}

/** `pilothouse whatif`, `kubectl whatif`: what the scheduler would do with a pod, in the cluster as it is or changed. Changes nothing. */
export async function whatIf(target: string | undefined, flags: WhatIfFlags): Promise<void> {
  if (Boolean(target) === Boolean(flags.filename)) throw new UserError('needed: the name of a pod, or -f FILE');
  const asked = flags.filename ? podsOf(flags.filename) : [{ spec: { podName: target!.replace(/^pods?\//, '') } }];
  const edits = editsOf(flags);
  const configuration = flags.config ? (parseYaml(read(flags.config)) as Record<string, unknown>) : undefined;
  const { client, namespace } = userAccess(flags, 'kubectl-whatif');
  try {
    const reviews: SchedulingReview[] = [];
    for (const one of asked) reviews.push(await askReview(client, flags.namespace ?? one.namespace ?? namespace, { ...one.spec, ...(edits.length && { edits }), ...(flags.profile && { profile: flags.profile }), ...(configuration && { configuration }), allPlugins: true, suggest: true, maxNodes: 1000 }));
    print(flags.output, reviews.length === 1 ? reviews[0] : { apiVersion: 'v1', kind: 'List', items: reviews }, () => reviews.map(({ status }) => report(status!, terminalOptions())).join('\n'));
  } catch (error) {
    throw asUserError(error);
  } finally {
    await client.close();
  }
}

function editsOf(flags: WhatIfFlags): Edit[] {
  try {
    return [
      ...flags.addNode.map(addNodeEdit), ...flags.nodeResize.map(resizeEdit), ...flags.nodeTaint.map(taintEdit), ...flags.nodeLabel.map(labelEdit),
      ...flags.cordon.map((name) => ({ cordonNode: { name, unschedulable: true } })), ...flags.uncordon.map((name) => ({ cordonNode: { name, unschedulable: false } })),
      ...flags.removeNode.map((name) => ({ removeNode: { name } })), ...flags.evict.map(evictEdit),
      ...(flags.priority === undefined ? [] : [{ patchPod: { spec: { priority: flags.priority } } }]),
    ];
  } catch (error) {
    if (error instanceof FlagError) throw new UserError(error.message);
    throw error;
  }
}

function read(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new UserError(`cannot read ${file}: ${messageOf(error)}`);
  }
}

/** Pods, and the templates of what makes pods. @throws UserError for a file that has none */
function podsOf(file: string): Asked[] {
  let documents: unknown[];
  try {
    documents = parseYamlDocuments(read(file));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${file}: ${messageOf(error)}`);
  }
  const items = documents.flatMap((d) => ((d as { kind?: string; items?: unknown[] } | null)?.kind === 'List' ? ((d as { items?: unknown[] }).items ?? []) : [d])) as (KubeObject & { spec?: any })[];
  const found = items.filter(Boolean).flatMap((object): Asked[] => {
    const namespace = object.metadata?.namespace;
    if (object.kind === 'Pod') return [{ namespace, spec: { pod: { metadata: named(object.metadata), spec: object.spec } } }];
    const template: PodTemplateSpec | undefined = object.kind === 'CronJob' ? object.spec?.jobTemplate?.spec?.template : object.spec?.template;
    return template?.spec ? [{ namespace, spec: { pod: { metadata: { ...named(template.metadata), name: object.metadata?.name }, spec: template.spec } } }] : [];
  });
  if (!found.length) throw new UserError(`${file}: there is no pod in it, nor anything with a pod template`);
  return found;
}

/** What of a pod's metadata matters to scheduling. */
const named = (metadata: KubeObject['metadata'] | undefined) => ({ ...(metadata?.name && { name: metadata.name }), ...(metadata?.generateName && { generateName: metadata.generateName }), ...(metadata?.labels && { labels: metadata.labels }), ...(metadata?.ownerReferences && { ownerReferences: metadata.ownerReferences }) });
