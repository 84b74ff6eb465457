/**
 * `npm run bench -- api [--pods N] [--seconds N] [--warmUp N]`. Creates and gets are measured warm: each work goes on for some
 * seconds first, ours and the yardstick's, so that what is compiled while it runs is compiled; the yardstick runs before and after.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort, type Load, memoryMb, printHead, printRow, request, root, start, startApiServer, stop, until, wrk } from './tools.ts';
import { pod } from './objects.ts';

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { pods: { type: 'string', default: '25600' }, seconds: { type: 'string', default: '8' }, warmUp: { type: 'string', default: '8' } } });
  const seconds = Number(values.seconds);
  const warmUp = Number(values.warmUp);
  const pods = Number(values.pods);
  const dir = mkdtempSync(join(tmpdir(), 'pilothouse-bench-'));
  const program = join(root, 'dist/pilothouse.mjs');
  const lua = (path: string, body: string) => {
    writeFileSync(join(dir, path), body);
    return join(dir, path);
  };
  printHead();

  // Ready from nothing, with every daemon; then idle memory.
  {
    const port = await freePort();
    const t0 = performance.now();
    const up = start(process.execPath, [program, 'up', '--data-dir', join(dir, 'up'), '--secure-port', String(port), '--kubeconfig', join(dir, 'up.conf'), '--container-runtime-endpoint', 'none', '--hollow-nodes', '3']);
    await until('readyz', async () => (await request(port, '/readyz')).status === 200);
    const ready = performance.now() - t0;
    printRow({ what: 'ready from an empty directory', ours: `${ready.toFixed(0)} ms`, yardstick: '', ratio: undefined, goal: 'under 800 ms, 600' });
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    printRow({ what: 'idle, all in one, three hollow nodes', ours: `${memoryMb(up.pid!).toFixed(0)} MB`, yardstick: '', ratio: undefined, goal: 'under 200 MB, 180' });
    await stop(up);
  }

  const unlimited = ['--max-requests-inflight', '0', '--max-mutating-requests-inflight', '0'];
  let api = await startApiServer(join(dir, 'writes'), unlimited);
  let { port } = api;
  const { token } = api;
  let base = `https://127.0.0.1:${port}`;
  const yardPort = await freePort();
  const yard = start(process.execPath, [join(root, 'test/bench/yardstick-server.ts'), String(yardPort), join(dir, 'writes/pki/apiserver.crt'), join(dir, 'writes/pki/apiserver.key')]);
  const yardBase = `https://127.0.0.1:${yardPort}`;
  await until('the yardstick', async () => (await request(yardPort, '/')).status === 200);

  try {
    const body = JSON.stringify(pod(1)).replace('"pod-1"', '"PODNAME"');
    const script = lua('create.lua', `local body = [==[${body}]==]\nlocal n = 0\nmath.randomseed(os.time())\nlocal id = math.random(100000, 999999)\nrequest = function()\n  n = n + 1\n  return wrk.format("POST", nil, {["content-type"] = "application/json", ["authorization"] = "Bearer ${token}"}, (string.gsub(body, "PODNAME", "w" .. id .. "-" .. n)))\nend\n`);
    const path = `${base}/api/v1/namespaces/default/pods`;
    const cold = wrk(path, { connections: 32, seconds: warmUp, script });
    const made = beside(() => wrk(path, { connections: 32, seconds, script }), () => wrk(`${yardBase}/`, { connections: 32, seconds: yardSeconds, script }));
    const failed = cold.errors + made.errors;
    printRow({ what: 'create pods, 32 connections, durable', ours: `${made.ours.toFixed(0)}/s`, yardstick: `${made.yardstick.toFixed(0)}/s`, ratio: made.ours / made.yardstick, goal: `0.20, 0.30${failed ? `; ${failed} errors` : ''}` });
    printRow({ what: `the first ${warmUp} s of it`, ours: `${cold.perSecond.toFixed(0)}/s`, yardstick: '', ratio: cold.perSecond / made.yardstick, goal: '' });

    await request(port, '/api/v1/namespaces/default/configmaps', { method: 'POST', token, body: { metadata: { name: 'one' }, data: { text: 'x'.repeat(500) } } });
    const one = `${base}/api/v1/namespaces/default/configmaps/one`;
    wrk(one, { connections: 8, seconds: warmUp / 2, token });
    const got = beside(() => wrk(one, { connections: 8, seconds, token }), () => wrk(`${yardBase}/`, { connections: 8, seconds: yardSeconds }));
    printRow({ what: 'get one object, 8 connections', ours: `${got.ours.toFixed(0)}/s`, yardstick: `${got.yardstick.toFixed(0)}/s`, ratio: got.ours / got.yardstick, goal: '0.35, 0.55' });

    // The lists are of a server that has these pods and had no others.
    await stop(api.process);
    api = await startApiServer(join(dir, 'lists'), unlimited);
    port = api.port;
    base = `https://127.0.0.1:${port}`;
    for (let from = 0; from < pods; from += 64) {
      const answers = await Promise.all(Array.from({ length: Math.min(64, pods - from) }, (_, i) => request(port, '/api/v1/namespaces/default/pods', { method: 'POST', token, body: pod(from + i) })));
      const bad = answers.find((a) => a.status !== 201);
      if (bad) throw new Error(`a pod was not created: ${bad.body.toString().slice(0, 300)}`);
    }
    const lists: [string, string, string][] = [
      [`list ${pods} pods, from cache`, '/api/v1/pods?resourceVersion=0', '0.60, 0.85'],
      ['the same, consistent', '/api/v1/pods', '0.60, 0.85'],
      ['list, label selector matching 1 %', '/api/v1/pods?labelSelector=app%3Dapp-7', '0.40, 0.60'],
      ['list, limit=500', '/api/v1/pods?limit=500', '0.40, 0.60'],
    ];
    const nginx = await startNginx(dir, join(dir, 'lists/pki'));
    try {
      for (const [what, path, goal] of lists) {
        const answer = await request(port, path, { token });
        if (answer.status !== 200) throw new Error(`${path}: ${answer.body.toString().slice(0, 300)}`);
        writeFileSync(join(dir, 'www/list.json'), answer.body);
        const ours = wrk(`${base}${path}`, { connections: 4, seconds, token });
        const theirs = wrk(`https://127.0.0.1:${nginx.port}/list.json`, { connections: 4, seconds: Math.min(seconds, 5) });
        printRow({ what: `${what} (${(answer.body.length / 1e6).toFixed(1)} MB)`, ours: `${ours.perSecond.toFixed(1)}/s`, yardstick: `${theirs.perSecond.toFixed(1)}/s`, ratio: ours.perSecond / theirs.perSecond, goal });
      }
    } finally {
      await stop(nginx.child);
    }
    printRow({ what: `memory after these lists, ${pods} pods`, ours: `${memoryMb(api.process.pid!).toFixed(0)} MB`, yardstick: '', ratio: undefined, goal: 'under 600 MB, 400' });
  } finally {
    await stop(api.process);
    await stop(yard);
    rmSync(dir, { recursive: true, force: true });
  }
}

const yardSeconds = 4;

/** Our work with the yardstick before and after it: what else the machine does is shared by both. */
function beside(ours: () => Load, yardstick: () => Load): { ours: number; yardstick: number; errors: number } {
  const before = yardstick();
  const { perSecond, errors } = ours();
  return { ours: perSecond, yardstick: (before.perSecond + yardstick().perSecond) / 2, errors };
}

async function startNginx(dir: string, pki: string) {
  const { mkdirSync } = await import('node:fs');
  const port = await freePort();
  mkdirSync(join(dir, 'www'), { recursive: true });
  writeFileSync(join(dir, 'nginx.conf'), `daemon off; worker_processes 1; pid ${dir}/nginx.pid; error_log ${dir}/nginx.log; user root;
events { worker_connections 64; }
http { access_log off; sendfile on; client_body_temp_path ${dir}/t1; proxy_temp_path ${dir}/t2; fastcgi_temp_path ${dir}/t3; uwsgi_temp_path ${dir}/t4; scgi_temp_path ${dir}/t5;
  server { listen 127.0.0.1:${port} ssl; ssl_certificate ${pki}/apiserver.crt; ssl_certificate_key ${pki}/apiserver.key; location / { root ${dir}/www; default_type application/json; } } }
`);
  const child = start('nginx', ['-c', join(dir, 'nginx.conf'), '-e', join(dir, 'nginx.log')]);
  await until('nginx', async () => (await request(port, '/nothing')).status === 404);
  return { port, child };
}
