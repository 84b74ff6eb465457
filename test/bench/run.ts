/** `npm run bench -- api | watch | scale | scheduler | controllers`: the rows of the yardstick table, ours and the yardstick measured in one run. */
const which = process.argv[2];
const suites: Record<string, () => Promise<{ run(args: string[]): Promise<void> }>> = {
  api: () => import('./api.ts'),
  scale: () => import('./scale.ts'),
  watch: () => import('./watch.ts'),
  scheduler: () => import('./scheduler.ts'),
  controllers: () => import('./controllers.ts'),
};
if (!which || !suites[which]) {
  console.error(`usage: npm run bench -- ${Object.keys(suites).join(' | ')}`);
  process.exit(1);
}
await (await suites[which]()).run(process.argv.slice(3));
