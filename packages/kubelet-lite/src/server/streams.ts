/** Exec, attach and port-forward requests: which container is meant, and who speaks what. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CriError } from '../cri/contract.ts';
import { findContainer } from '../pods/pod-facts.ts';
import { newestContainer } from '../pods/runtime-pod.ts';
import type { NodeContext } from '../pods/context.ts';
import type { PodWorker } from '../pods/worker.ts';
import { channelsToSpdy, type CommandShape, passThrough, tunnelToSpdy } from '../streaming/bridge.ts';
import { acceptWebSocket, channelProtocols, tunnelProtocol } from '../streaming/channels.ts';
import { simulatedOverChannels, simulatedOverSpdy } from '../streaming/simulated-command.ts';

export interface Refused {
  status: number;
  text: string;
}

/** Upstream's server names them `input`, `output`, `error`; the API server's options `stdin`, `stdout`, `stderr`. */
function shapeOf(query: URLSearchParams): CommandShape {
  const on = (...names: string[]) => names.some((n) => ['1', 'true'].includes(query.get(n) ?? ''));
  return { stdin: on('input', 'stdin'), stdout: on('output', 'stdout'), stderr: on('error', 'stderr'), tty: on('tty') };
}

export const isWebSocket = (request: IncomingMessage): boolean => /^websocket$/i.test(request.headers.upgrade ?? '');

/** The running container, or why there is none. */
export function containerFor(worker: PodWorker | undefined, name: string): { id: string; tty: boolean } | Refused {
  if (!worker) return { status: 404, text: `pod does not exist` };
  const run = newestContainer(worker.seen, name);
  if (!findContainer(worker.pod, name) || run?.state !== 'running') return { status: 500, text: `container not found (${JSON.stringify(name)})` };
  return { id: run.id, tty: findContainer(worker.pod, name)!.container.tty ?? false };
}

/** Takes over the socket, or says why not. */
export async function command(context: NodeContext, kind: 'exec' | 'attach', target: { id: string; tty: boolean }, request: IncomingMessage, socket: Duplex, head: Buffer, query: URLSearchParams): Promise<Refused | undefined> {
  const shape = shapeOf(query);
  if (kind === 'attach') shape.tty = target.tty;
  if (!shape.stdin && !shape.stdout && !shape.stderr) return { status: 400, text: 'you must specify at least 1 of stdin, stdout, stderr' };
  const cmd = query.getAll('command');
  if (kind === 'exec' && !cmd.length) return { status: 400, text: 'you must specify a command to execute' };
  if (context.simulated) {
    if (kind === 'attach') return { status: 501, text: 'this container is simulated and has no processes to attach to' };
    const streams = 1 + Number(shape.stdin) + Number(shape.stdout) + Number(shape.stderr && !shape.tty) + Number(shape.tty);
    if (!isWebSocket(request)) simulatedOverSpdy(request, socket, head, { cri: context.cri, containerId: target.id, command: cmd, streams });
    else {
      const accepted = await acceptWebSocket(request, socket, head, channelProtocols);
      if (accepted) await simulatedOverChannels(accepted, context.cri, target.id, cmd);
    }
    return undefined;
  }
  let url: string;
  try {
    const streams = { stdin: shape.stdin, stdout: shape.stdout, stderr: shape.stderr && !shape.tty, tty: shape.tty };
    ({ url } = kind === 'exec' ? await context.cri.call('Exec', { containerId: target.id, cmd, ...streams }) : await context.cri.call('Attach', { containerId: target.id, ...streams }));
  } catch (error) {
    return { status: 500, text: error instanceof CriError ? error.desc : (error as Error).message };
  }
  if (!isWebSocket(request)) passThrough(request, socket, head, new URL(url));
  else {
    const accepted = await acceptWebSocket(request, socket, head, channelProtocols);
    if (accepted) await channelsToSpdy(accepted, new URL(url), shape);
  }
  return undefined;
}

/** Takes over the socket, or says why not. */
export async function portForward(context: NodeContext, worker: PodWorker | undefined, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<Refused | undefined> {
  const sandbox = worker?.seen.sandboxes.find((s) => s.ready);
  if (!worker || !sandbox) return { status: 404, text: 'pod does not exist' };
  if (context.simulated) return { status: 501, text: 'this pod is simulated and has no network to forward to' };
  let url: string;
  try {
    ({ url } = await context.cri.call('PortForward', { podSandboxId: sandbox.id, port: [] }));
  } catch (error) {
    return { status: 500, text: error instanceof CriError ? error.desc : (error as Error).message };
  }
  if (!isWebSocket(request)) passThrough(request, socket, head, new URL(url));
  else {
    const accepted = await acceptWebSocket(request, socket, head, [tunnelProtocol]);
    if (accepted) await tunnelToSpdy(accepted, new URL(url));
  }
  return undefined;
}
