/** Joins clients of exec, attach and port-forward to the runtime's streaming server. */
import type { IncomingMessage } from 'node:http';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import type { Accepted } from './channels.ts';
import { channelSession } from './channels.ts';
import { spdyConnection } from './spdy/connection.ts';
import { dialSpdy, type Upgraded } from './spdy/dial.ts';

const commandProtocols = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'];

/** Headers of an upgrade that the runtime is to see; credentials stay here. */
const passedOn = ['connection', 'upgrade', 'x-stream-protocol-version', 'sec-websocket-key', 'sec-websocket-version', 'sec-websocket-protocol', 'sec-websocket-extensions'];

/** SPDY clients speak to the runtime itself: bytes go through as they are. */
export function passThrough(request: IncomingMessage, socket: Duplex, head: Buffer, url: URL): void {
  const upstream = net.connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 80) });
  upstream.setNoDelay(true);
  (socket as net.Socket).setNoDelay?.(true);
  const end = () => {
    upstream.destroy();
    socket.destroy();
  };
  upstream.on('connect', () => {
    const lines = [`${request.method} ${url.pathname}${url.search} HTTP/1.1`, `Host: ${url.host}`];
    for (let i = 0; i < request.rawHeaders.length; i += 2) if (passedOn.includes(request.rawHeaders[i].toLowerCase())) lines.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}`);
    upstream.write(`${lines.join('\r\n')}\r\n\r\n`);
    if (head.length) upstream.write(head);
    upstream.pipe(socket);
    socket.pipe(upstream);
  });
  upstream.on('error', (error) => {
    if (upstream.connecting || !upstream.bytesRead) socket.end(`HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(error.message)}\r\n\r\n${error.message}`);
    else end();
  });
  socket.on('error', end);
  socket.on('close', () => upstream.destroy());
  upstream.on('close', () => socket.end());
}

export interface CommandShape {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/** A WebSocket client's channels become SPDY streams towards the runtime. */
export async function channelsToSpdy(accepted: Accepted, url: URL, shape: CommandShape): Promise<void> {
  const session = channelSession(accepted);
  let upgraded: Upgraded;
  try {
    upgraded = await dialSpdy(url, commandProtocols);
  } catch (error) {
    session.send(3, outcome(session.statusOutcome, failure((error as Error).message)));
    session.end();
    return;
  }
  const connection = spdyConnection(upgraded.socket, upgraded.head, { role: 'client' });
  const error = connection.open({ streamtype: 'error' });
  const stdin = shape.stdin ? connection.open({ streamtype: 'stdin' }) : undefined;
  const stdout = shape.stdout ? connection.open({ streamtype: 'stdout' }) : undefined;
  const stderr = shape.stderr && !shape.tty ? connection.open({ streamtype: 'stderr' }) : undefined;
  const resize = shape.tty ? connection.open({ streamtype: 'resize' }) : undefined;

  const forward = (stream: NodeJS.ReadableStream | undefined, channel: number) =>
    new Promise<void>((resolve) => {
      if (!stream) return resolve();
      stream.on('data', (data: Buffer) => {
        if (session.send(channel, data)) return;
        stream.pause();
        session.drained(() => stream.resume());
      });
      stream.on('end', resolve);
      stream.on('close', resolve);
    });
  session.onMessage((channel, data) => {
    if (channel === 0 && stdin && !stdin.write(data)) {
      accepted.socket.pause();
      stdin.once('drain', () => accepted.socket.resume());
    }
    if (channel === 4) resize?.write(data);
    if (channel === 255 && session.halfClose && data[0] === 0) stdin?.end();
  });
  session.onClose(() => connection.close());

  const said: Buffer[] = [];
  error.on('data', (data: Buffer) => said.push(data));
  const status = new Promise<void>((resolve) => error.on('end', resolve).on('close', resolve));
  await Promise.all([forward(stdout, 1), forward(stderr, 2), status]);
  const text = Buffer.concat(said);
  if (session.statusOutcome) session.send(3, text.length ? text : Buffer.from(JSON.stringify({ metadata: {}, status: 'Success' })));
  else if (text.length) session.send(3, outcome(false, JSON.parse(text.toString('utf8'))));
  session.end();
  connection.close();
}

export const failure = (message: string) => ({ metadata: {}, status: 'Failure', message, reason: 'InternalError', code: 500 });
export const success = { metadata: {}, status: 'Success' };
export const exitStatus = (code: number) => (code === 0 ? success : { metadata: {}, status: 'Failure', reason: 'NonZeroExitCode', message: `command terminated with non-zero exit code: exit status ${code}`, details: { causes: [{ reason: 'ExitCode', message: String(code) }] } });

/** Old protocols carry the text of a failure, and nothing for success. */
const outcome = (asStatus: boolean, status: { status: string; message?: string }) => Buffer.from(asStatus ? JSON.stringify(status) : status.status === 'Success' ? '' : (status.message ?? ''));

/** Port-forward in a tunnel: the messages are the bytes of a SPDY connection. */
export async function tunnelToSpdy({ socket }: Accepted, url: URL): Promise<void> {
  let upgraded: Upgraded;
  try {
    upgraded = await dialSpdy(url, ['portforward.k8s.io']);
  } catch (error) {
    socket.close(1011, (error as Error).message.slice(0, 120));
    return;
  }
  pipeTunnel(socket, upgraded);
}

const mostBuffered = 1024 * 1024;

export function pipeTunnel(socket: Accepted['socket'], { socket: raw, head }: { socket: Duplex; head: Buffer }): void {
  const send = (data: Buffer) => {
    socket.send(data, { binary: true }, () => {
      if (raw.isPaused() && socket.bufferedAmount < mostBuffered / 2) raw.resume();
    });
    if (socket.bufferedAmount >= mostBuffered) raw.pause();
  };
  if (head.length) send(head);
  raw.on('data', send);
  raw.resume();
  raw.on('end', () => socket.close(1000));
  raw.on('error', () => socket.close(1011));
  socket.on('message', (message: Buffer) => {
    if (raw.write(message)) return;
    socket.pause();
    raw.once('drain', () => socket.resume());
  });
  socket.on('close', () => raw.destroy());
  socket.on('error', () => raw.destroy());
  socket.resume();
}
