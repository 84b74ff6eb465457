/** Asks an HTTP server to speak SPDY on the connection: how streams of a runtime are reached. */
import net from 'node:net';

export interface Upgraded {
  socket: net.Socket;
  /** Read beyond the answer's headers. */
  head: Buffer;
  protocol: string;
}

const longestAnswer = 64 * 1024;

/** Connects to `url` (http) and upgrades to SPDY/3.1 with one of the stream protocols. @throws with the answer's text where it is refused */
export function dialSpdy(url: URL, protocols: readonly string[]): Promise<Upgraded> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 80) });
    socket.setNoDelay(true);
    let read = Buffer.alloc(0);
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    const onData = (chunk: Buffer) => {
      read = Buffer.concat([read, chunk]);
      const end = read.indexOf('\r\n\r\n');
      if (end < 0) {
        if (read.length > longestAnswer) fail(new Error('the answer to an upgrade is too long'));
        return;
      }
      socket.off('data', onData);
      socket.off('error', fail);
      socket.pause();
      const [status, ...lines] = read.toString('latin1', 0, end).split('\r\n');
      const head = read.subarray(end + 4);
      if (!/^HTTP\/1\.1 101 /.test(status)) return fail(new Error(`unable to upgrade connection: ${head.toString('utf8').trim() || status}`));
      const protocol = lines.map((l) => /^x-stream-protocol-version:\s*(.*)$/i.exec(l)?.[1]).find(Boolean) ?? '';
      resolve({ socket, head: Buffer.from(head), protocol });
    };
    socket.on('error', fail);
    socket.on('data', onData);
    socket.on('connect', () => socket.write(`POST ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0\r\n${protocols.map((p) => `X-Stream-Protocol-Version: ${p}\r\n`).join('')}\r\n`));
  });
}
