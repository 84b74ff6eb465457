export * from './exchange.ts';
export * from './field-error.ts';
export * from './meta.ts';
export * from './quantity.ts';
export * from './resource-types.ts';
export * from './status.ts';
