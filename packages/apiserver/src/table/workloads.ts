/** Columns of apps, batch, autoscaling and policy. */
import type { Column } from '../contract.ts';
import { hpaToV2 } from '../resources/autoscaling/hpa-v1.ts';
import { age, doc, flag, formatLabels, humanDuration, integer, name, none, selectorText, since, templateColumns, text } from './cells.ts';

const selectorColumns = (type: string) => templateColumns((o) => o.spec?.template, { description: doc(type, 'selector'), value: (o) => selectorText(o.spec?.selector) });

export const appsColumns: Record<string, Column<any>[]> = {
  deployments: [
    name,
    text('Ready', 'Number of the pod with ready state', (o) => `${o.status?.readyReplicas ?? 0}/${o.spec?.replicas ?? 0}`),
    text('Up-to-date', doc('apps.v1.DeploymentStatus', 'updatedReplicas'), (o) => o.status?.updatedReplicas ?? 0),
    text('Available', doc('apps.v1.DeploymentStatus', 'availableReplicas'), (o) => o.status?.availableReplicas ?? 0),
    age,
    ...selectorColumns('apps.v1.DeploymentSpec'),
  ],
  replicasets: [
    name,
    integer('Desired', doc('apps.v1.ReplicaSetSpec', 'replicas'), (o) => o.spec?.replicas ?? 0),
    integer('Current', doc('apps.v1.ReplicaSetStatus', 'replicas'), (o) => o.status?.replicas ?? 0),
    integer('Ready', doc('apps.v1.ReplicaSetStatus', 'readyReplicas'), (o) => o.status?.readyReplicas ?? 0),
    age,
    ...selectorColumns('apps.v1.ReplicaSetSpec'),
  ],
  daemonsets: [
    name,
    integer('Desired', doc('apps.v1.DaemonSetStatus', 'desiredNumberScheduled'), (o) => o.status?.desiredNumberScheduled ?? 0),
    integer('Current', doc('apps.v1.DaemonSetStatus', 'currentNumberScheduled'), (o) => o.status?.currentNumberScheduled ?? 0),
    integer('Ready', doc('apps.v1.DaemonSetStatus', 'numberReady'), (o) => o.status?.numberReady ?? 0),
    integer('Up-to-date', doc('apps.v1.DaemonSetStatus', 'updatedNumberScheduled'), (o) => o.status?.updatedNumberScheduled ?? 0),
    integer('Available', doc('apps.v1.DaemonSetStatus', 'numberAvailable'), (o) => o.status?.numberAvailable ?? 0),
    text('Node Selector', doc('core.v1.PodSpec', 'nodeSelector'), (o) => formatLabels(o.spec?.template?.spec?.nodeSelector)),
    age,
    ...selectorColumns('apps.v1.DaemonSetSpec'),
  ],
  statefulsets: [
    name,
    text('Ready', 'Number of the pod with ready state', (o) => `${o.status?.readyReplicas ?? 0}/${o.spec?.replicas ?? 0}`),
    age,
    ...templateColumns((o) => o.spec?.template, undefined),
  ],
  controllerrevisions: [
    name,
    text('Controller', 'Controller of the object', (o) => {
      const owner = o.metadata.ownerReferences?.find((r: any) => r.controller);
      if (!owner) return none;
      const group = owner.apiVersion.includes('/') ? `.${owner.apiVersion.split('/')[0]}` : '';
      return `${owner.kind.toLowerCase()}${group}/${owner.name}`;
    }),
    text('Revision', doc('apps.v1.ControllerRevision', 'revision'), (o) => o.revision ?? 0),
    age,
  ],
};

function jobStatus(job: any): string {
  const has = (type: string) => job.status?.conditions?.some((c: any) => c.type === type && c.status === 'True');
  if (has('Complete')) return 'Complete';
  if (has('Failed')) return 'Failed';
  if (job.metadata.deletionTimestamp) return 'Terminating';
  if (has('Suspended')) return 'Suspended';
  if (has('FailureTarget')) return 'FailureTarget';
  if (has('SuccessCriteriaMet')) return 'SuccessCriteriaMet';
  return 'Running';
}
function jobCompletions(job: any): string {
  const succeeded = job.status?.succeeded ?? 0;
  if (job.spec?.completions !== undefined) return `${succeeded}/${job.spec.completions}`;
  const parallelism = job.spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}
function jobDuration(job: any, now: number): string {
  if (!job.status?.startTime) return '';
  const start = Date.parse(job.status.startTime);
  return humanDuration((job.status.completionTime ? Date.parse(job.status.completionTime) : now) - start);
}

export const batchColumns: Record<string, Column<any>[]> = {
  jobs: [
    name,
    text('Status', doc('batch.v1.JobStatus', 'conditions'), jobStatus),
    text('Completions', doc('batch.v1.JobStatus', 'succeeded'), jobCompletions),
    text('Duration', 'Time required to complete the job.', jobDuration),
    age,
    ...selectorColumns('batch.v1.JobSpec'),
  ],
  cronjobs: [
    name,
    text('Schedule', doc('batch.v1.CronJobSpec', 'schedule'), (o) => o.spec?.schedule ?? ''),
    text('Timezone', doc('batch.v1.CronJobSpec', 'timeZone'), (o) => o.spec?.timeZone ?? none),
    flag('Suspend', doc('batch.v1.CronJobSpec', 'suspend'), (o) => (o.spec?.suspend ? 'True' : 'False')),
    integer('Active', doc('batch.v1.CronJobStatus', 'active'), (o) => (o.status?.active ?? []).length),
    text('Last Schedule', doc('batch.v1.CronJobStatus', 'lastScheduleTime'), (o, now) => (o.status?.lastScheduleTime ? since(o.status.lastScheduleTime, now) : none)),
    age,
    ...templateColumns((o) => o.spec?.jobTemplate?.spec?.template, { description: doc('batch.v1.JobSpec', 'selector'), value: (o) => selectorText(o.spec?.jobTemplate?.spec?.selector) }),
  ],
};

/** `current/target` of one metric. */
function metricText(spec: any, status: any): string {
  const pair = (target: any, current: any) => {
    if (target?.averageUtilization !== undefined) return `${current?.averageUtilization !== undefined ? `${current.averageUtilization}%` : '<unknown>'}/${target.averageUtilization}%`;
    if (target?.averageValue !== undefined) return `${current?.averageValue ?? '<unknown>'}/${target.averageValue}`;
    return `${current?.value ?? '<unknown>'}/${target?.value ?? '<auto>'}`;
  };
  const average = (text: string, target: any) => (target?.averageValue !== undefined ? `${text} (avg)` : text);
  switch (spec.type) {
    case 'Resource': return `${spec.resource.name}: ${pair(spec.resource.target, status?.resource?.current)}`;
    case 'ContainerResource': return `${spec.containerResource.name}: ${pair(spec.containerResource.target, status?.containerResource?.current)}`;
    case 'Pods': return pair(spec.pods.target, status?.pods?.current);
    case 'Object': return average(pair(spec.object.target, status?.object?.current), spec.object.target);
    case 'External': return average(pair(spec.external.target, status?.external?.current), spec.external.target);
    default: return '<unknown type>';
  }
}
function hpaTargets(given: any): string {
  const hpa: any = given.apiVersion === 'autoscaling/v1' ? hpaToV2(given) : given;
  const metrics: any[] = hpa.spec?.metrics ?? [];
  if (!metrics.length) return none;
  const shown = metrics.slice(0, 2).map((m, i) => metricText(m, hpa.status?.currentMetrics?.[i]));
  return metrics.length > 2 ? `${shown.join(', ')} + ${metrics.length - 2} more...` : shown.join(', ');
}

export const autoscalingColumns: Record<string, Column<any>[]> = {
  horizontalpodautoscalers: [
    name,
    text('Reference', doc('autoscaling.v2.HorizontalPodAutoscalerSpec', 'scaleTargetRef'), (o) => `${o.spec?.scaleTargetRef?.kind}/${o.spec?.scaleTargetRef?.name}`),
    text('Targets', doc('autoscaling.v2.HorizontalPodAutoscalerSpec', 'metrics'), hpaTargets),
    text('MinPods', doc('autoscaling.v2.HorizontalPodAutoscalerSpec', 'minReplicas'), (o) => (o.spec?.minReplicas === undefined ? '<unset>' : String(o.spec.minReplicas))),
    text('MaxPods', doc('autoscaling.v2.HorizontalPodAutoscalerSpec', 'maxReplicas'), (o) => o.spec?.maxReplicas ?? 0),
    text('Replicas', doc('autoscaling.v2.HorizontalPodAutoscalerStatus', 'currentReplicas'), (o) => o.status?.currentReplicas ?? 0),
    age,
  ],
};

export const policyColumns: Record<string, Column<any>[]> = {
  poddisruptionbudgets: [
    name,
    text('Min Available', 'The minimum number of pods that must be available.', (o) => (o.spec?.minAvailable === undefined ? 'N/A' : String(o.spec.minAvailable))),
    text('Max Unavailable', 'The maximum number of pods that may be unavailable.', (o) => (o.spec?.maxUnavailable === undefined ? 'N/A' : String(o.spec.maxUnavailable))),
    integer('Allowed Disruptions', 'Calculated number of pods that may be disrupted at this time.', (o) => o.status?.disruptionsAllowed ?? 0),
    age,
  ],
};
