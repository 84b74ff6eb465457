import { readdirSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { type MetricsRegistry, metricsRegistry, type Runtime } from '@pilothouse/base';
import { programVersion } from '../version.ts';

/** Kubernetes' version, as this program implements it. */
const kubernetes = { major: '1', minor: '36', gitVersion: 'v1.36.2' };

/** A registry with what is known of this process; read when somebody asks, so it costs nothing meanwhile. */
export function processMetrics({ clock }: Pick<Runtime, 'clock'>): MetricsRegistry {
  const registry = metricsRegistry();
  const one = (kind: 'counter' | 'gauge', name: string, help: string, read: () => number | undefined): void =>
    registry.collect(kind, name, help, [], () => {
      const value = read();
      return value === undefined ? [] : [[[], value]];
    });
  const startedSeconds = (clock.now() - process.uptime() * 1_000) / 1_000;
  one('counter', 'process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  one('gauge', 'process_start_time_seconds', 'Start time of the process since unix epoch in seconds.', () => startedSeconds);
  one('gauge', 'process_resident_memory_bytes', 'Resident memory size in bytes.', () => process.memoryUsage.rss());
  one('gauge', 'process_virtual_memory_bytes', 'Virtual memory size in bytes.', () => virtualBytes());
  one('gauge', 'process_open_fds', 'Number of open file descriptors.', () => openFiles());
  one('gauge', 'process_max_fds', 'Maximum number of open file descriptors.', () => mostFiles());
  one('gauge', 'nodejs_heap_size_total_bytes', 'Process heap size from Node.js in bytes.', () => process.memoryUsage().heapTotal);
  one('gauge', 'nodejs_heap_size_used_bytes', 'Process heap size used from Node.js in bytes.', () => process.memoryUsage().heapUsed);
  one('gauge', 'nodejs_external_memory_bytes', 'Node.js external memory size in bytes.', () => process.memoryUsage().external);
  one('gauge', 'nodejs_eventloop_utilization', 'Share of the time since the start that the event loop was busy, 0 to 1.', () => performance.eventLoopUtilization().utilization);
  registry.gauge('nodejs_version_info', 'Node.js version info.', ['version']).with(process.version).value = 1;
  registry.gauge('kubernetes_build_info', "[ALPHA] A metric with a constant '1' value labeled by major, minor, git version, and platform of the Kubernetes API that is implemented, and the program's own version.", ['major', 'minor', 'git_version', 'program_version', 'platform']).with(kubernetes.major, kubernetes.minor, kubernetes.gitVersion, programVersion, `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`).value = 1;
  return registry;
}

/** What /proc says of this process; undefined where there is no /proc. */
function proc<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
const virtualBytes = () => proc(() => Number(/^VmSize:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024);
const openFiles = () => proc(() => readdirSync('/proc/self/fd').length);
const mostFiles = () => proc(() => Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))![1]));
