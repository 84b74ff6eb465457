import type { Column } from '../contract.ts';
import { age, doc, integer, text } from './cells.ts';

/** The scale subresource as a table. */
export const scaleColumns: Column<any>[] = [
  text('Name', doc('meta.v1.ObjectMeta', 'name'), (o) => o.metadata.name),
  integer('Desired', doc('autoscaling.v1.ScaleSpec', 'replicas'), (o) => o.spec?.replicas ?? 0),
  integer('Available', doc('autoscaling.v1.ScaleStatus', 'replicas'), (o) => o.status?.replicas ?? 0),
  age,
];
