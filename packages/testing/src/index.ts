export * from './containerd.ts';
export * from './in-process-cluster.ts';
export * from './pretend-kubelet.ts';
export * from './run-controllers.ts';
export * from './troubled-api.ts';
