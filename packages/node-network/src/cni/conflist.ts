import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface CniOptions {
  /** The node's pod ranges, IPv4 and/or IPv6: `10.244.0.0/24`. */
  podCIDRs: readonly string[];
  /** Name of the bridge; default `cni0`. */
  bridge?: string;
  /** Of the pods' interfaces; absent: as the host's. */
  mtu?: number;
  /** Where host-local keeps its leases; default the plugin's own. */
  ipamDir?: string;
}

/** The network of a node's pods: a bridge, addresses from the node's range, host ports. CNI 0.4.0, which containerd 1.6 and later read. */
export const bridgeConflist = (options: CniOptions): object => ({
  cniVersion: '0.4.0',
  name: 'pilothouse',
  plugins: [
    {
      type: 'bridge',
      bridge: options.bridge ?? 'cni0',
      isGateway: true,
      isDefaultGateway: true,
      hairpinMode: true,
      // Masquerading is the service proxy's: it leaves traffic between pods of different nodes alone.
      ipMasq: false,
      ...(options.mtu && { mtu: options.mtu }),
      ipam: { type: 'host-local', ranges: options.podCIDRs.map((subnet) => [{ subnet }]), ...(options.ipamDir && { dataDir: options.ipamDir }) },
    },
    { type: 'portmap', capabilities: { portMappings: true }, snat: true },
  ],
});

/** Writes the configuration where the runtime looks for it, at once or not at all. Returns the file's path. */
export async function writeCniConfig(dir: string, options: CniOptions): Promise<string> {
  await mkdir(dir, { recursive: true });
  const file = join(dir, '10-pilothouse.conflist');
  await writeFile(`${file}.new`, `${JSON.stringify(bridgeConflist(options), undefined, 2)}\n`);
  await rename(`${file}.new`, file);
  return file;
}
