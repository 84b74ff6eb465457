/** A containerd of a test's own: own root, state, socket and pod network; ended without a trace. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connectCri } from '@pilothouse/kubelet-lite/cri/grpc-client';
import { busyboxImage } from '@pilothouse/kubelet-lite/images/busybox';
import { type LocalImage, ociArchive } from '@pilothouse/kubelet-lite/images/oci-archive';
import { pauseImage } from '@pilothouse/kubelet-lite/images/pause';
import { realClock } from '@pilothouse/base';

const run = promisify(execFile);

export interface PrivateContainerd {
  /** `unix:///…/containerd.sock` */
  endpoint: string;
  dir: string;
  cniConfDir: string;
  /** The pod network's bridge. */
  bridge: string;
  /** For the kubelet's `cgroupRoot`: what lies under it is removed at the end. */
  cgroupRoot: string;
  importImages(images: readonly LocalImage[]): Promise<void>;
  /** `ctr` in the namespace of the CRI; resolves with its output. */
  ctr(...args: string[]): Promise<string>;
  /** What containerd logged so far. */
  log(): string;
  /** Ends the pods, containerd, its shims, mounts, bridge, cgroups and files. Repeatable. */
  close(): Promise<void>;
}

export interface PrivateContainerdOptions {
  /** Default: a new directory under /tmp, removed at the end. */
  dir?: string;
  /** Default: a bridge conflist on a network under 10.88; false writes none. */
  podCidr?: string | false;
  /** Beside the pause image; default busybox. */
  images?: readonly LocalImage[];
  /** Where the CNI plugins are; default the first of /opt/cni/bin, /usr/lib/cni that has `bridge`. */
  cniBinDir?: string;
}

const sandboxImage = 'registry.k8s.io/pause:3.10';

/** What this machine lacks for a private containerd; empty where it can run. */
export function missingForContainerd(): string[] {
  const onPath = (name: string) => (process.env.PATH ?? '').split(':').concat('/usr/sbin', '/sbin').some((dir) => existsSync(join(dir, name)));
  const missing = ['containerd', 'ctr', 'runc', 'ip'].filter((name) => !onPath(name));
  if (process.getuid?.() !== 0) missing.push('root');
  if (!findCniBin()) missing.push('CNI plugins (containernetworking-plugins)');
  try {
    busyboxImage();
  } catch {
    missing.push('busybox-static');
  }
  return missing;
}

const findCniBin = () => ['/opt/cni/bin', '/usr/lib/cni'].find((dir) => existsSync(join(dir, 'bridge')));

const config = (o: { dir: string; cniBin: string; cniConfDir: string }) => `version = 2
root = "${o.dir}/root"
state = "${o.dir}/state"
[grpc]
  address = "${o.dir}/containerd.sock"
[ttrpc]
  address = "${o.dir}/containerd.sock.ttrpc"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${sandboxImage}"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${o.cniBin}"
    conf_dir = "${o.cniConfDir}"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${o.dir}/certs.d"
[plugins."io.containerd.internal.v1.opt"]
  path = "${o.dir}/opt"
`;

/** A conflist of bridge, host-local and portmap; IP masquerade for what leaves the pods' network. */
export const bridgeConflist = (o: { name: string; bridge: string; podCidr: string; dataDir: string }) => ({
  cniVersion: '0.4.0',
  name: o.name,
  plugins: [
    { type: 'bridge', bridge: o.bridge, isGateway: true, ipMasq: true, hairpinMode: true, ipam: { type: 'host-local', ranges: [[{ subnet: o.podCidr }]], routes: [{ dst: '0.0.0.0/0' }], dataDir: o.dataDir } },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
});

/** Starts one and waits until its CRI answers and its images are loaded. @throws naming what the machine lacks */
export async function startPrivateContainerd(options: PrivateContainerdOptions = {}): Promise<PrivateContainerd> {
  const missing = missingForContainerd();
  if (missing.length) throw new Error(`a private containerd needs ${missing.join(', ')}`);
  const dir = options.dir ?? mkdtempSync('/tmp/ph-cd-');
  const id = dir.replace(/[^a-z0-9]/gi, '').slice(-6).toLowerCase();
  const third = [...id].reduce((a, c) => (a * 31 + c.charCodeAt(0)) % 250, 7) + 1;
  const bridge = `phbr${id}`;
  const cgroupRoot = `/pilothouse-${id}`;
  const cniConfDir = join(dir, 'cni/net.d');
  for (const sub of ['cni/net.d', 'cni/data', 'certs.d', 'root', 'state']) mkdirSync(join(dir, sub), { recursive: true });
  if (options.podCidr !== false) writeFileSync(join(cniConfDir, '10-pods.conflist'), JSON.stringify(bridgeConflist({ name: `ph-${id}`, bridge, podCidr: options.podCidr ?? `10.88.${third}.0/24`, dataDir: join(dir, 'cni/data') })));
  writeFileSync(join(dir, 'config.toml'), config({ dir, cniBin: options.cniBinDir ?? findCniBin()!, cniConfDir }));
  if (existsSync('/proc/sys/net/ipv4/ip_forward') && readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim() !== '1') writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');

  let log = '';
  const child = spawn('containerd', ['--config', join(dir, 'config.toml')], { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (log = (log + data).slice(-200_000)));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const endpoint = `unix://${dir}/containerd.sock`;
  const cri = connectCri({ endpoint });
  const ctr = async (...args: string[]) => (await run('ctr', ['--address', `${dir}/containerd.sock`, '-n', 'k8s.io', ...args], { maxBuffer: 16 << 20 })).stdout;

  let closing: Promise<void> | undefined;
  const close = () => (closing ??= end());
  async function end(): Promise<void> {
    const { items } = await cri.call('ListPodSandbox', {}, { timeoutMs: 5000 }).catch(() => ({ items: [] }));
    await Promise.all(items.map(async ({ id: podSandboxId }) => {
      await cri.call('StopPodSandbox', { podSandboxId }, { timeoutMs: 30_000 }).catch(() => undefined);
      await cri.call('RemovePodSandbox', { podSandboxId }, { timeoutMs: 30_000 }).catch(() => undefined);
    }));
    await cri.close();
    child.kill('SIGTERM');
    const timer = realClock.after(10_000, () => child.kill('SIGKILL'), { keepAlive: true });
    await exited;
    timer.cancel();
    endShims(dir);
    for (let i = 0; i < 20 && (await unmountUnder(dir)); i++) await realClock.sleep(100);
    await run('ip', ['link', 'delete', bridge]).catch(() => undefined);
    removeCgroups(cgroupRoot);
    rmSync(dir, { recursive: true, force: true });
  }

  const importImages = async (images: readonly LocalImage[]) => {
    const path = join(dir, `import-${process.pid}-${id}.tar`);
    writeFileSync(path, ociArchive(images));
    await ctr('images', 'import', path);
    rmSync(path);
  };

  try {
    for (let i = 0; ; i++) {
      if (child.exitCode !== null) throw new Error(`containerd ended with ${child.exitCode}: ${log.slice(-2000)}`);
      const ready = await cri.call('Status', {}, { timeoutMs: 1000 }).then(() => true, () => false);
      if (ready) break;
      if (i > 200) throw new Error(`containerd does not answer: ${log.slice(-2000)}`);
      await realClock.sleep(50);
    }
    await importImages([pauseImage(sandboxImage), ...(options.images ?? [busyboxImage()])]);
  } catch (error) {
    await close();
    throw error;
  }
  return { endpoint, dir, cniConfDir, bridge, cgroupRoot, importImages, ctr, log: () => log, close };
}

/** Ends shims of this containerd that outlived their pods: those whose command line names its socket. */
function endShims(dir: string): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    let command = '';
    try {
      command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    } catch {
      continue;
    }
    if (command.includes('containerd-shim') && command.includes(`${dir}/containerd.sock`)) process.kill(Number(pid), 'SIGKILL');
  }
}

/** True where something had to be unmounted. */
async function unmountUnder(dir: string): Promise<boolean> {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n').map((line) => line.split(' ')[1]).filter((path) => path?.startsWith(`${dir}/`)).reverse();
  for (const path of mounts) await run('umount', ['-l', path]).catch(() => undefined);
  return mounts.length > 0;
}

/** Removes the (empty) cgroups under `cgroup` in every hierarchy. */
export function removeCgroups(cgroup: string): void {
  const remove = (dir: string) => {
    if (!existsSync(dir)) return;
    for (const entry of readdirSync(dir, { withFileTypes: true })) if (entry.isDirectory()) remove(join(dir, entry.name));
    try {
      rmdirSync(dir);
    } catch {
      // Still in use: a process is ending.
    }
  };
  const base = '/sys/fs/cgroup';
  for (const hierarchy of ['', ...readdirSync(base)]) remove(join(base, hierarchy, cgroup));
}
