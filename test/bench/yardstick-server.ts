/** The yardsticks: a Node https server that answers one buffer, or parses and re-serialises what it is sent. PORT CERT KEY. */
import { readFileSync } from 'node:fs';
import https from 'node:https';

const [port, cert, key] = process.argv.slice(2);
const answer = Buffer.from(JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'x' }, data: { text: 'x'.repeat(800) } }));
https.createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (req, res) => {
  if (req.method !== 'POST') {
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
    res.end(answer);
    return;
  }
  const parts: Buffer[] = [];
  req.on('data', (part) => parts.push(part)).on('end', () => {
    const out = Buffer.from(JSON.stringify(JSON.parse(Buffer.concat(parts).toString())));
    res.writeHead(201, { 'content-type': 'application/json', 'content-length': out.length });
    res.end(out);
  });
}).listen(Number(port), '127.0.0.1');
