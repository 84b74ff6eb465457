/** `npm run test:faults -- --minutes 5 --seed 7 [--suite fuzz,sockets] [--case 12]`: the fault suites, one after another. Exits 1 where something was found. */
import { parseArgs } from 'node:util';
import { realClock } from '@pilothouse/base';
import { faultSuites } from './suites.ts';
import type { Finding } from './suite.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '5' }, seed: { type: 'string' }, suite: { type: 'string' }, case: { type: 'string' } } });
const seed = values.seed ?? String(realClock.now() % 1_000_000);
const wanted = values.suite?.split(',');
const suites = faultSuites.filter(({ name, missing }) => {
  const why = !wanted || wanted.includes(name) ? missing?.() : undefined;
  if (why) console.log(`${name} is left out: ${why}`);
  return (!wanted || wanted.includes(name)) && !why;
});
if (!suites.length) {
  console.error(`no such suite; there are ${faultSuites.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const forMs = (Number(values.minutes) * 60_000) / suites.length;
let failed = 0;
for (const { name, run } of suites) {
  console.log(`${name}, seed ${seed}, ${Math.round(forMs / 1000)} s`);
  const { tried, findings, notes } = await run({ seed, forMs, ...(values.case !== undefined && { only: Number(values.case) }), log: (text) => console.log(text) });
  for (const note of notes ?? []) console.log(`  ${note}`);
  console.log(`  ${tried} tried, ${findings.length} found`);
  for (const finding of findings) print(finding);
  failed += findings.length;
}
process.exitCode = failed ? 1 : 0;

function print({ title, detail }: Finding): void {
  console.log(`\n✗ ${title}\n${detail.replace(/^/gm, '    ')}`);
}
