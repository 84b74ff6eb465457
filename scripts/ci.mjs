// What CI runs: system packages, then `npm test` with every suite required, then the golden corpora with their floors.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './prepare.mjs';
import { runNode } from './with-node.mjs';

const packages = ['etcd-server', 'etcd-client', 'containerd', 'runc', 'containernetworking-plugins', 'nftables', 'iptables', 'iproute2', 'busybox-static', 'procps', 'gcc', 'libc6-dev', 'curl', 'chromium'];
const commands = ['etcd', 'etcdctl', 'containerd', 'runc', 'nft', 'iptables', 'ip', 'busybox', 'gcc', 'curl', 'chromium'];
const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
const has = (command) => spawnSync('sh', ['-c', `command -v ${command}`], { env }).status === 0;
const run = (name, command, args, options = {}) => {
  console.log(`\n== ${name}`);
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', env, ...options }).status === 0;
};

let passed = 0;
let failed = 0;
const count = (ok, name) => {
  if (ok) passed++;
  else {
    failed++;
    console.log(`FAILED: ${name}`);
  }
  return ok;
};

const missing = commands.filter((command) => !has(command));
if (missing.length) {
  console.log(`missing on this machine: ${missing.join(', ')}`);
  // Services of the packages must not start: tests run private instances.
  spawnSync('sh', ['-c', 'printf "#!/bin/sh\\nexit 101\\n" > /usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d'], { env });
  run('apt-get update', 'apt-get', ['update', '-q'], { stdio: ['ignore', 'ignore', 'inherit'] });
  count(run('apt-get install', 'apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], { stdio: ['ignore', 'ignore', 'inherit'] }), 'installing system packages');
}
for (const command of commands.concat('kubectl')) if (!has(command)) count(false, `the command ${command} is needed`);

const test = await new Promise((resolve) => {
  const child = spawn('node', ['scripts/test.mjs'], { cwd: root, env: { ...env, PILOTHOUSE_REQUIRE_ALL: '1' }, stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    process.stdout.write(chunk);
  });
  child.on('close', (status) => resolve({ status, stdout }));
});
const line = /^(\d+) passed, (\d+) failed/m.exec(test.stdout.split('\n').reverse().find((l) => /^\d+ passed, \d+ failed/.test(l)) ?? '');
passed += Number(line?.[1] ?? 0);
failed += Number(line?.[2] ?? 0);
if (test.status !== 0 && !Number(line?.[2])) failed++;

if (existsSync(join(root, 'test/src/golden/run.ts'))) {
  console.log('\n== golden corpora');
  count((await runNode(['test/src/golden/run.ts', '--check-floors'], { env: { PATH: env.PATH } })) === 0, 'golden corpora');
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
