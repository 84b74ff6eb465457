/**
 * Many watches over one WebSocket. A browser opens six connections to an HTTP/1.1 server, all tabs together, and each
 * watch keeps one; the lab needs more than that, and so do two tabs of it. Frames are JSON texts:
 * client → `{id, url}` starts a GET, `{id, stop: true}` ends it;
 * server → `{id, status}` once, `{id, text}` as pieces come (UTF-8, cut anywhere between characters), `{id, end: true}`.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { messageOf } from '@pilothouse/base';
import type { Transport } from '@pilothouse/client';
import { type WebSocket, WebSocketServer } from 'ws';

/** Watches that one page may have open. */
const mostWatches = 64;

export interface WatchSockets {
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  close(): void;
}

export function watchSockets(transport: Transport): WatchSockets {
  const server = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024, perMessageDeflate: false });
  return {
    accept: (request, socket, head) => server.handleUpgrade(request, socket, head, (ws) => serve(ws, transport)),
    close() {
      for (const ws of server.clients) ws.terminate();
      server.close();
    },
  };
}

function serve(ws: WebSocket, transport: Transport): void {
  const open = new Map<number, AbortController>();
  const send = (frame: object) => new Promise<void>((resolve) => (ws.readyState === ws.OPEN ? ws.send(JSON.stringify(frame), () => resolve()) : resolve()));
  const follow = async (id: number, url: string, stop: AbortController) => {
    try {
      const answer = await transport.request({ method: 'GET', url, headers: { accept: 'application/json', 'user-agent': 'pilothouse-lab' }, signal: stop.signal });
      await send({ id, status: answer.status });
      const decoder = new TextDecoder();
      const pieces = answer.body === undefined ? [] : answer.body instanceof Uint8Array ? [answer.body] : answer.body;
      // Waits for each piece to be taken: a slow page slows the API server's stream, not our memory.
      for await (const piece of pieces) await send({ id, text: decoder.decode(piece, { stream: true }) });
    } catch (error) {
      if (!stop.signal.aborted) await send({ id, status: 502, text: messageOf(error) });
    } finally {
      open.delete(id);
      await send({ id, end: true });
    }
  };
  ws.on('message', (data) => {
    let frame: { id?: unknown; url?: unknown; stop?: unknown };
    try {
      frame = JSON.parse(String(data));
    } catch {
      return ws.close(1003, 'JSON is needed');
    }
    const { id, url } = frame;
    if (typeof id !== 'number') return ws.close(1003, 'id is needed');
    if (frame.stop) return open.get(id)?.abort(new Error('the page ended the watch'));
    if (typeof url !== 'string' || !/^\/apis?\//.test(url) || open.has(id) || open.size >= mostWatches) return ws.close(1003, 'a watch cannot be opened so');
    const stop = new AbortController();
    open.set(id, stop);
    void follow(id, url, stop);
  });
  ws.on('error', () => ws.terminate());
  ws.on('close', () => {
    for (const stop of open.values()) stop.abort(new Error('the page went away'));
  });
}
