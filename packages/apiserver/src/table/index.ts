/** The server-side printing of every built-in resource: what `kubectl get` shows. */
import type { Column } from '../contract.ts';
import type { OpenApiTexts } from '../openapi/documents.ts';
import { createdAt, name } from './cells.ts';
import { admissionColumns, certificateColumns, discoveryColumns, flowControlColumns, miscColumns, networkingColumns, rbacColumns, resourceColumns, storageColumns } from './cluster.ts';
import { coreColumns, eventColumns } from './core.ts';
import { podRowConditions } from './pods.ts';
import { appsColumns, autoscalingColumns, batchColumns, policyColumns } from './workloads.ts';

/** group → plural → columns. */
const byGroup: Record<string, Record<string, Column<any>[]>> = {
  '': coreColumns,
  apps: appsColumns,
  batch: batchColumns,
  autoscaling: autoscalingColumns,
  policy: policyColumns,
  'events.k8s.io': { events: eventColumns },
  'networking.k8s.io': networkingColumns,
  'discovery.k8s.io': discoveryColumns,
  'rbac.authorization.k8s.io': rbacColumns,
  'storage.k8s.io': storageColumns,
  'admissionregistration.k8s.io': admissionColumns,
  'flowcontrol.apiserver.k8s.io': flowControlColumns,
  'resource.k8s.io': resourceColumns,
  'certificates.k8s.io': certificateColumns,
  ...miscColumns,
};

/** The columns of `kubectl get` for a resource, in order; name and creation time where it has none of its own. */
export const columnsFor = (group: string, _version: string, plural: string): readonly Column<any>[] => byGroup[group]?.[plural] ?? [name, createdAt];

/** Columns of the scale subresource. */
export { scaleColumns } from './scale.ts';

export interface ColumnDefinition {
  name: string;
  type: string;
  format: string;
  description: string;
  priority: number;
}

/** `columnDefinitions` of a Table. Descriptions that refer to a field's documentation are looked up in `texts`. */
export function columnDefinitions(columns: readonly Column<any>[], texts: OpenApiTexts): ColumnDefinition[] {
  return columns.filter((c) => !c.undeclared).map((c) => ({ name: c.name, type: c.type, format: c.format ?? '', description: describe(c.description, texts), priority: c.priority ?? 0 }));
}
function describe(description: string, texts: OpenApiTexts): string {
  if (!description.startsWith('\u0000')) return description;
  const [type, field] = description.slice(1).split('#');
  return (texts.types[type]?.[field] ?? '').replace(/\n\nPossible enum values:[\s\S]*$/, '');
}

/** `conditions` of an object's row, where its kind has any. */
export const rowConditions = (group: string, plural: string, object: any) => (group === '' && plural === 'pods' ? podRowConditions(object) : undefined);
