import type { KubeletOptions } from '@pilothouse/kubelet-lite/options';

/** The kubelet's options for `--pod-logs-dir` and `--cgroup-root`. Links in /var/log/containers belong to the usual directory only. */
export const logsAndCgroups = (flags: { podLogsDir: string; cgroupRoot: string }): Pick<KubeletOptions, 'podLogsDir' | 'containerLogsDir' | 'cgroupRoot'> => ({
  podLogsDir: flags.podLogsDir,
  ...(flags.podLogsDir !== '/var/log/pods' && { containerLogsDir: '' }),
  cgroupRoot: flags.cgroupRoot,
});
