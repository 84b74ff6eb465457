export * from './certificates.ts';
export * from './ensure.ts';
export * from './issue.ts';
export * from './kubeconfig.ts';
