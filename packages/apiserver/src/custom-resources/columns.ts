import type { CustomResourceColumnDefinition as PrinterColumn } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { jsonPath, JsonPathError } from '@pilothouse/apimachinery';
import type { Column } from '../contract.ts';
import { age, humanDuration, name } from '../table/cells.ts';

/** The columns of a custom resource's Table: the name, then what its definition says, or the age. */
export function customColumns(columns: readonly PrinterColumn[] | undefined): readonly Column<any>[] {
  if (!columns?.length) return [name, { ...age, type: 'date' }];
  const shown: Column<any>[] = [name];
  for (const column of columns) {
    try {
      shown.push(printed(column));
    } catch (error) {
      // As upstream does with a path that it cannot read: what stands before it is shown.
      if (error instanceof JsonPathError) break;
      throw error;
    }
  }
  return shown;
}

function printed({ name, type, format, description, priority, jsonPath: path }: PrinterColumn): Column<any> {
  const read = jsonPath(path);
  return {
    name,
    type: type as Column<any>['type'],
    ...(format && { format }),
    description: description || `Custom resource definition column (in JSONPath format): ${path}`,
    ...(priority && { priority }),
    value: (object, nowMs) => cell(type, read.first(object), nowMs),
  };
}

function cell(type: string, value: unknown, nowMs: number): unknown {
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'string':
      return typeof value === 'object' ? JSON.stringify(value) : String(value);
    case 'integer':
      return typeof value === 'bigint' ? value : typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'bigint' || typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date': {
      if (typeof value !== 'string') return null;
      if (value === '' || value === 'null') return '<unknown>';
      const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value) ? Date.parse(value) : Number.NaN;
      return Number.isNaN(time) ? '<invalid>' : humanDuration(nowMs - time);
    }
    default:
      return null;
  }
}
