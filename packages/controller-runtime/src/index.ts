export * from './contract.ts';
export * from './expectations.ts';
export * from './ownership.ts';
export * from './pod-control.ts';
export * from './pod-state.ts';
export * from './run.ts';
export * from './slow-start.ts';
export * from './track-children.ts';
