#!/usr/bin/env node
// `npx pilothouse` in a checkout: builds if a source changed, then runs the bundle on a Node that is new enough.
import { join } from 'node:path';
import { build, install, root } from '../../../scripts/prepare.mjs';
import { runNode, serverFlags } from '../../../scripts/with-node.mjs';

install();
build();
process.exit(await runNode([...serverFlags(), join(root, 'dist/pilothouse.mjs'), ...process.argv.slice(2)], { cwd: process.cwd() }));
