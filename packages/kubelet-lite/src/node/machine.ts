/** Facts about the machine, as Node.status tells them. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statfsSync } from 'node:fs';
import os from 'node:os';
import { goArch } from '../images/oci-archive.ts';

export interface MachineFacts {
  cpus: number;
  memoryBytes: number;
  /** Of the file system that holds the kubelet's directory. */
  storageBytes: number;
  storageFreeBytes: number;
  /** Size name (`2Mi`) → bytes set aside. */
  hugepages: Record<string, number>;
  machineID: string;
  systemUUID: string;
  bootID: string;
  kernelVersion: string;
  osImage: string;
  /** Go's name. */
  architecture: string;
  hostname: string;
  /** The address that leads to the default route, else the first that is not loopback. */
  address: string;
}

const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8').trim() : '');

export function machineFacts(rootDir: string): MachineFacts {
  const storage = statfsSync(existsSync(rootDir) ? rootDir : '/');
  const hugepages: Record<string, number> = {};
  const hugeDir = '/sys/kernel/mm/hugepages';
  for (const name of existsSync(hugeDir) ? readdirSync(hugeDir) : []) {
    const kib = Number(/(\d+)kB/.exec(name)?.[1]);
    const count = Number(read(`${hugeDir}/${name}/nr_hugepages`));
    hugepages[kib >= 1024 * 1024 ? `${kib / 1024 / 1024}Gi` : `${kib / 1024}Mi`] = count * kib * 1024;
  }
  return {
    cpus: os.cpus().length,
    memoryBytes: os.totalmem(),
    storageBytes: storage.blocks * storage.bsize,
    storageFreeBytes: storage.bavail * storage.bsize,
    hugepages,
    machineID: read('/etc/machine-id'),
    systemUUID: read('/sys/class/dmi/id/product_uuid') || read('/etc/machine-id'),
    bootID: read('/proc/sys/kernel/random/boot_id'),
    kernelVersion: os.release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)"?/m.exec(read('/etc/os-release'))?.[1] ?? 'Linux',
    architecture: goArch(process.arch),
    hostname: os.hostname(),
    address: defaultAddress(),
  };
}

/** The address of the interface that the default route takes. */
function defaultAddress(): string {
  const interfaces = os.networkInterfaces();
  const route = read('/proc/net/route').split('\n').map((line) => line.split('\t')).find(([, destination]) => destination === '00000000');
  const candidates = [...(route ? [route[0]] : []), ...Object.keys(interfaces)];
  for (const name of candidates) {
    const found = interfaces[name]?.find((a) => a.family === 'IPv4' && !a.internal);
    if (found) return found.address;
  }
  return '127.0.0.1';
}

/** Memory and processes as the pressure conditions need them. */
export interface Load {
  memoryAvailableBytes: number;
  pidsFree: number;
}

export function currentLoad(): Load {
  const available = Number(/^MemAvailable:\s+(\d+) kB/m.exec(read('/proc/meminfo'))?.[1] ?? 0) * 1024;
  const max = Number(read('/proc/sys/kernel/pid_max') || 0);
  const threads = Number(/\/(\d+)/.exec(read('/proc/loadavg'))?.[1] ?? 0);
  return { memoryAvailableBytes: available || os.freemem(), pidsFree: max - threads };
}

/** Whether swap is on, which NodeInfo tells. */
export const swapBytes = (): number => Number(/^SwapTotal:\s+(\d+) kB/m.exec(read('/proc/meminfo'))?.[1] ?? 0) * 1024;

/** The lower-cased host name, as upstream takes it for the node's name. */
export function nodeNameOf(override: string | undefined): string {
  if (override) return override;
  try {
    return execFileSync('uname', ['-n'], { encoding: 'utf8' }).trim().toLowerCase();
  } catch {
    return os.hostname().toLowerCase();
  }
}
