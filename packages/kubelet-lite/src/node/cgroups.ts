/** The cgroups above pods: `kubepods`, its two classes, and one per pod. Works on cgroup v1 and v2, cgroupfs driver. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuPeriodUs, type PodCgroup } from '../pods/resources.ts';

export interface CgroupManager {
  /** 1, 2, or 0 where cgroups cannot be written. */
  version: 0 | 1 | 2;
  /** Makes the pod's cgroup and sets its limits; repeatable. @returns the parent for its sandbox, '' where cgroups cannot be written */
  apply(cgroup: PodCgroup): string;
  /** Removes the pod's cgroup with what is under it. */
  remove(path: string): void;
  /** Pods that have a cgroup: path by uid. */
  pods(root: string): Map<string, string>;
}

const base = '/sys/fs/cgroup';
const v1Controllers = ['cpu', 'cpuacct', 'cpuset', 'memory', 'pids', 'blkio', 'devices', 'freezer', 'hugetlb', 'systemd'];

/** cpu.weight of cpu.shares (the formula of the OCI runtimes). */
const weightOf = (shares: number) => Math.floor(1 + ((shares - 2) * 9999) / 262_142);

export function createCgroupManager(): CgroupManager {
  const version = !existsSync(base) ? 0 : existsSync(join(base, 'cgroup.controllers')) ? 2 : 1;
  const hierarchies = version === 2 ? [base] : version === 1 ? v1Controllers.map((c) => join(base, c)).filter((dir) => existsSync(dir)) : [];
  const put = (file: string, value: string | number) => {
    if (existsSync(file)) writeFileSync(file, String(value));
  };
  const read = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8').trim() : '');

  /** On v2 controllers must be handed down level by level; on v1 a new cpuset is empty until it is filled. */
  const make = (path: string) => {
    const parts = path.split('/').filter(Boolean);
    for (const hierarchy of hierarchies) {
      let dir = hierarchy;
      for (const part of parts) {
        if (version === 2) {
          for (const controller of ['cpu', 'cpuset', 'memory', 'pids', 'io']) {
            try {
              if (read(join(dir, 'cgroup.controllers')).split(' ').includes(controller)) writeFileSync(join(dir, 'cgroup.subtree_control'), `+${controller}`);
            } catch {
              // A controller that cannot be handed down is one that the pods go without.
            }
          }
        }
        const parent = dir;
        dir = join(dir, part);
        if (!existsSync(dir)) mkdirSync(dir);
        if (hierarchy.endsWith('/cpuset')) {
          for (const file of ['cpuset.cpus', 'cpuset.mems']) if (!read(join(dir, file))) put(join(dir, file), read(join(parent, file)));
        }
      }
    }
  };

  const removeTree = (dir: string) => {
    if (!existsSync(dir)) return;
    for (const entry of readdirSync(dir, { withFileTypes: true })) if (entry.isDirectory()) removeTree(join(dir, entry.name));
    try {
      rmdirSync(dir);
    } catch {
      // A process is still on its way out; the next clean-up takes it.
    }
  };

  return {
    version,
    apply(cgroup) {
      if (!hierarchies.length) return '';
      try {
        make(cgroup.path);
      } catch {
        return '';
      }
      if (version === 2) {
        const dir = join(base, cgroup.path);
        put(join(dir, 'cpu.weight'), weightOf(cgroup.cpuShares));
        put(join(dir, 'cpu.max'), `${cgroup.cpuQuotaUs ?? 'max'} ${cpuPeriodUs}`);
        put(join(dir, 'memory.max'), cgroup.memoryBytes ?? 'max');
      } else {
        const cpu = join(base, 'cpu', cgroup.path);
        put(join(cpu, 'cpu.shares'), cgroup.cpuShares);
        put(join(cpu, 'cpu.cfs_period_us'), cpuPeriodUs);
        put(join(cpu, 'cpu.cfs_quota_us'), cgroup.cpuQuotaUs ?? -1);
        put(join(base, 'memory', cgroup.path, 'memory.limit_in_bytes'), cgroup.memoryBytes ?? -1);
      }
      return cgroup.path;
    },
    remove(path) {
      for (const hierarchy of hierarchies) removeTree(join(hierarchy, path));
    },
    pods(root) {
      const found = new Map<string, string>();
      for (const sub of ['kubepods', 'kubepods/burstable', 'kubepods/besteffort']) {
        const path = `${root.replace(/\/$/, '')}/${sub}`;
        for (const hierarchy of hierarchies) {
          const dir = join(hierarchy, path);
          if (!existsSync(dir)) continue;
          for (const name of readdirSync(dir)) if (name.startsWith('pod')) found.set(name.slice(3), `${path}/${name}`);
        }
      }
      return found;
    },
  };
}

/** Leaves everything to the runtime. */
export const noCgroups: CgroupManager = { version: 0, apply: () => '', remove: () => undefined, pods: () => new Map() };
