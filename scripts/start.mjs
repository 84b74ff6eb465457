// `npm start`: install, build if needed, `pilothouse up`. Arguments after `--` go to `up`.
import { join } from 'node:path';
import { build, install, root } from './prepare.mjs';
import { runNode, serverFlags } from './with-node.mjs';

install();
build();
// kubectl runs programs named kubectl-… on the PATH; npm has put ours there.
console.log(`For kubectl why and kubectl whatif:  export PATH="$PATH:${join(root, 'node_modules/.bin')}"\n`);
process.exit(await runNode([...serverFlags(), join(root, 'dist/pilothouse.mjs'), 'up', ...process.argv.slice(2)], { cwd: process.cwd() }));
