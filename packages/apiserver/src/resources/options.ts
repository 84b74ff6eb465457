/** What the behaviour of built-in resources needs to know about the cluster; named as kube-apiserver's flags. */
export interface ResourceOptions {
  /** `--service-cluster-ip-range`: one range, or two of different IP families; the first is the default family. */
  serviceClusterIpRanges: readonly string[];
  /** `--service-node-port-range`, both ends included. */
  serviceNodePortRange: { from: number; to: number };
}

export const defaultResourceOptions: ResourceOptions = {
  serviceClusterIpRanges: ['10.96.0.0/16'],
  serviceNodePortRange: { from: 30000, to: 32767 },
};
