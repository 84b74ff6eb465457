import type { Pod } from '@pilothouse/api-schemas/types/core/v1';

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

const anyAddress = '0.0.0.0';
const none: readonly HostPort[] = [];

/** Ports the pod takes on its node: those of its containers and sidecars. */
export function hostPortsOf(pod: Pod): readonly HostPort[] {
  let ports: HostPort[] | undefined;
  const collect = (container: { ports?: { hostPort?: number; hostIP?: string; protocol?: string }[] }) => {
    for (const p of container.ports ?? []) if (p.hostPort && p.hostPort > 0) (ports ??= []).push({ ip: p.hostIP || anyAddress, protocol: p.protocol || 'TCP', port: p.hostPort });
  };
  for (const container of pod.spec?.initContainers ?? []) if (container.restartPolicy === 'Always') collect(container);
  for (const container of pod.spec?.containers ?? []) collect(container);
  return ports ?? none;
}

/** The host ports in use on a node: `protocol/port` → addresses. */
export class PortTable {
  readonly #used = new Map<string, string[]>();

  static of(ports: Iterable<HostPort>): PortTable {
    const table = new PortTable();
    for (const port of ports) table.add(port);
    return table;
  }

  get empty(): boolean {
    return this.#used.size === 0;
  }

  /** A port taken twice is there once, and gone when first released, as upstream keeps it. */
  add(port: HostPort): void {
    const key = `${port.protocol}/${port.port}`;
    const addresses = this.#used.get(key);
    if (!addresses) this.#used.set(key, [port.ip]);
    else if (!addresses.includes(port.ip)) addresses.push(port.ip);
  }

  remove(port: HostPort): void {
    const key = `${port.protocol}/${port.port}`;
    const addresses = this.#used.get(key);
    const at = addresses?.indexOf(port.ip) ?? -1;
    if (at < 0) return;
    addresses!.splice(at, 1);
    if (!addresses!.length) this.#used.delete(key);
  }

  /** The address 0.0.0.0 stands for all. */
  conflicts(port: HostPort): boolean {
    const addresses = this.#used.get(`${port.protocol}/${port.port}`);
    return addresses !== undefined && (port.ip === anyAddress || addresses.includes(anyAddress) || addresses.includes(port.ip));
  }

  clone(): PortTable {
    const copy = new PortTable();
    for (const [key, addresses] of this.#used) copy.#used.set(key, [...addresses]);
    return copy;
  }
}

export const fitsPorts = (wanted: readonly HostPort[], used: PortTable | undefined): boolean => !used || !wanted.some((port) => used.conflicts(port));
