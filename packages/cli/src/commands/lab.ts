import type { LogLevel } from '@pilothouse/base';
import { createSocketTransport, loadKubeconfig } from '@pilothouse/client';
import { defaultKubeconfig } from '../lab/default-kubeconfig.ts';
import { loadLabAssets } from '../lab/assets.ts';
import { startKeeper } from '../lab/keeper.ts';
import { serveLab } from '../lab/proxy.ts';
import { runUntilSignal } from '../parts/lifetime.ts';
import { connect } from '../parts/remote.ts';

interface LabFlags {
  kubeconfig?: string;
  port: number;
  logLevel: LogLevel;
}

/** `pilothouse lab`: the web lab for the cluster of a kubeconfig. */
export async function lab(flags: LabFlags): Promise<void> {
  const kubeconfig = flags.kubeconfig ?? defaultKubeconfig();
  const { runtime, scope, client } = connect('lab', { ...flags, kubeconfig });
  const access = loadKubeconfig(kubeconfig);
  const transport = scope.own(createSocketTransport(access, runtime));
  const url = await serveLab(scope, { assets: loadLabAssets(), transport, port: flags.port });
  startKeeper(client, runtime, scope);
  console.log(`Lab: ${url} for ${access.server}, with the credentials of ${kubeconfig}. Who can reach this port acts with them.\nCtrl-C ends it.`);
  await runUntilSignal(scope, runtime.clock);
}
