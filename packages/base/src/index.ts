export * from './clock.ts';
export * from './errors.ts';
export * from './heap.ts';
export * from './logger.ts';
export * from './metrics.ts';
export * from './random.ts';
export * from './runtime.ts';
export * from './scope.ts';
