import { homedir } from 'node:os';
import { join } from 'node:path';

/** The kubeconfig that kubectl would take: the first of $KUBECONFIG, else ~/.kube/config. */
export const defaultKubeconfig = (env: NodeJS.ProcessEnv = process.env): string => (env.KUBECONFIG ?? '').split(':').find(Boolean) ?? join(homedir(), '.kube/config');
