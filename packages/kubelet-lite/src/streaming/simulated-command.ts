/** Exec for containers without processes: the command is answered at once, over whatever streams the client speaks. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Cri, CriError } from '../cri/contract.ts';
import { exitStatus, failure } from './bridge.ts';
import { type Accepted, channelSession } from './channels.ts';
import { spdyConnection, type SpdyStream } from './spdy/connection.ts';

interface Result {
  stdout: Buffer;
  status: object;
}

async function answer(cri: Cri, containerId: string, command: readonly string[]): Promise<Result> {
  try {
    const { stdout, exitCode } = await cri.call('ExecSync', { containerId, cmd: [...command], timeout: 0 });
    return { stdout: Buffer.from(stdout), status: exitStatus(exitCode) };
  } catch (error) {
    const message = error instanceof CriError ? error.desc : (error as Error).message;
    return { stdout: Buffer.alloc(0), status: failure(message) };
  }
}

export async function simulatedOverChannels(accepted: Accepted, cri: Cri, containerId: string, command: readonly string[]): Promise<void> {
  const session = channelSession(accepted);
  session.onMessage(() => undefined);
  const { stdout, status } = await answer(cri, containerId, command);
  if (stdout.length) session.send(1, stdout);
  const { status: verdict, message } = status as { status: string; message?: string };
  if (session.statusOutcome) session.send(3, Buffer.from(JSON.stringify(status)));
  else if (verdict !== 'Success') session.send(3, Buffer.from(message ?? ''));
  session.end();
}

const protocols = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'];

/** Answers a SPDY upgrade itself. The client opens `streams` streams before it is answered. */
export function simulatedOverSpdy(request: IncomingMessage, socket: Duplex, head: Buffer, options: { cri: Cri; containerId: string; command: readonly string[]; streams: number }): void {
  const offered = [request.headers['x-stream-protocol-version'] ?? []].flat().flatMap((v) => v.split(',')).map((p) => p.trim());
  const protocol = protocols.find((p) => offered.includes(p)) ?? '';
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n${protocol ? `X-Stream-Protocol-Version: ${protocol}\r\n` : ''}\r\n`);
  const opened = new Map<string, SpdyStream>();
  const connection = spdyConnection(socket, head, {
    role: 'server',
    onStream(stream) {
      opened.set(stream.headers.streamtype, stream);
      if (opened.size === options.streams) void run();
    },
  });
  async function run(): Promise<void> {
    const { stdout, status } = await answer(options.cri, options.containerId, options.command);
    const error = opened.get('error');
    const ended: Promise<void>[] = [];
    const finish = (stream: SpdyStream | undefined, data: Buffer) => stream && ended.push(new Promise((resolve) => stream.end(data, () => resolve())));
    finish(opened.get('stdout'), stdout);
    finish(opened.get('stderr'), Buffer.alloc(0));
    finish(error, Buffer.from(JSON.stringify(status)));
    await Promise.all(ended);
    connection.close();
  }
}
