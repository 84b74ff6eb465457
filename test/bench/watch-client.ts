/**
 * Many watches of one object, each on a TLS connection of its own (HTTP/1.1), with as little work per event as can be:
 * PORT TOKEN WATCHERS PATH. Prints `ready`, then, once its standard input ends, a line of JSON:
 * `{ events, p50, p99, max }`, milliseconds from the time noted in each object to its arrival here.
 */
import tls from 'node:tls';

const [port, token, count, path] = process.argv.slice(2);
const mark = Buffer.from('"sent-at":"');
const delays: number[] = [];
let measuring = false;
let ready = 0;

function open(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }, () => {
      socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`);
    });
    let first = true;
    socket.on('data', (piece: Buffer) => {
      if (first) {
        first = false;
        ready++;
        resolve();
      }
      if (!measuring) return;
      const now = performance.timeOrigin + performance.now();
      for (let at = piece.indexOf(mark); at >= 0; at = piece.indexOf(mark, at + mark.length)) delays.push(now - Number(piece.toString('latin1', at + mark.length, piece.indexOf(0x22, at + mark.length))));
    });
    socket.on('error', reject);
  });
}

for (let from = 0; from < Number(count); from += 50) await Promise.all(Array.from({ length: Math.min(50, Number(count) - from) }, open));
measuring = true;
console.log('ready');
process.stdin.resume();
process.stdin.on('end', () => {
  const sorted = Float64Array.from(delays).sort();
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  console.log(JSON.stringify({ events: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) }));
  process.exit(0);
});
