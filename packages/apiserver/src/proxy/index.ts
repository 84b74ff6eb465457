/** What is passed on to kubelets, pods, services and nodes. One list. */
import type { ConnectHandler } from '../contract.ts';
import type { Kubelets } from './kubelet.ts';
import { logHandler } from './logs.ts';
import { proxyHandlers } from './proxies.ts';
import { streamHandlers } from './streams.ts';

export { type KubeletAccess, type Kubelets, kubelets } from './kubelet.ts';

export const connectHandlers = (access: Kubelets): ConnectHandler[] => [...streamHandlers(access), logHandler(access), ...proxyHandlers(access)];
