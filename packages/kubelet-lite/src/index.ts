export { type Cri, CriError } from './cri/contract.ts';
export { connectCri } from './cri/grpc-client.ts';
export { createSimulatedRuntime, type SimulatedOptions, type SimulatedRuntime } from './cri/simulated/runtime.ts';
export { simulateAnnotation } from './cri/simulated/script.ts';
export { type HollowNode, type HollowNodes, type HollowNodesOptions, startHollowNodes } from './hollow.ts';
export { type Kubelet, startKubelet, type StartKubeletOptions } from './kubelet.ts';
export { nodeNameOf } from './node/machine.ts';
export type { KubeletOptions, KubeletServerOptions } from './options.ts';
