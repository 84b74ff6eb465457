/** The page's end of `pilothouse lab`'s WebSocket: every watch over one connection. Opened when needed, and anew after it broke. */
import type { TextStream } from './fetch-transport.ts';

interface Frame {
  id: number;
  status?: number;
  text?: string;
  end?: boolean;
}

/** One watch's frames, in order, for whoever pulls. */
interface Inbox {
  frames: Frame[];
  wake(): void;
}

export function watchSocket(address: string): (url: string, signal: AbortSignal) => Promise<TextStream> {
  let socket: Promise<WebSocket> | undefined;
  let lastId = 0;
  const inboxes = new Map<number, Inbox>();

  const open = (): Promise<WebSocket> =>
    new Promise((resolve, reject) => {
      const ws = new WebSocket(address);
      ws.onopen = () => resolve(ws);
      ws.onmessage = ({ data }) => {
        const frame: Frame = JSON.parse(data);
        const inbox = inboxes.get(frame.id);
        inbox?.frames.push(frame);
        inbox?.wake();
      };
      ws.onclose = () => {
        socket = undefined;
        reject(new Error('the connection to the lab was lost'));
        for (const [id, inbox] of inboxes) {
          inbox.frames.push({ id, end: true });
          inbox.wake();
        }
      };
    });

  return async (url, signal) => {
    const ws = await (socket ??= open());
    signal.throwIfAborted();
    const id = ++lastId;
    const inbox: Inbox = { frames: [], wake: () => undefined };
    inboxes.set(id, inbox);
    const next = async (): Promise<Frame> => {
      for (;;) {
        signal.throwIfAborted();
        const frame = inbox.frames.shift();
        if (frame) return frame;
        await new Promise<void>((resolve) => {
          inbox.wake = resolve;
        });
      }
    };
    const onAbort = () => {
      if (ws.readyState === WebSocket.OPEN) ws.send(JSON.stringify({ id, stop: true }));
      inbox.wake();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const done = () => {
      signal.removeEventListener('abort', onAbort);
      inboxes.delete(id);
    };
    ws.send(JSON.stringify({ id, url }));
    try {
      const first = await next();
      if (first.status === undefined) throw new Error('the connection to the lab was lost');
      return { status: first.status, text: pieces(first.text, next, done) };
    } catch (error) {
      done();
      throw error;
    }
  };
}

async function* pieces(first: string | undefined, next: () => Promise<Frame>, done: () => void): AsyncGenerator<string> {
  try {
    if (first) yield first;
    for (;;) {
      const frame = await next();
      if (frame.text) yield frame.text;
      if (frame.end) return;
    }
  } finally {
    done();
  }
}
