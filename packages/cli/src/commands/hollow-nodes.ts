import type { LogLevel } from '@pilothouse/base';
import { startHollowNodes } from '@pilothouse/kubelet-lite/hollow';
import { runUntilSignal } from '../parts/lifetime.ts';
import { connect } from '../parts/remote.ts';

interface HollowFlags {
  kubeconfig: string;
  count: number;
  prefix: string;
  logLevel: LogLevel;
}

/** `pilothouse hollow-nodes`: simulated nodes for any cluster. */
export async function hollowNodes(flags: HollowFlags): Promise<void> {
  const { runtime, client, scope } = connect('hollow-nodes', flags);
  scope.own(await startHollowNodes({ client, runtime, count: flags.count, prefix: flags.prefix }));
  console.error(`pilothouse hollow-nodes: ${flags.count} nodes are registered`);
  await runUntilSignal(scope, runtime.clock);
}
