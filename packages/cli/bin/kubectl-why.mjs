#!/usr/bin/env node
// `kubectl why`: kubectl runs a program of this name on the PATH and gives it the arguments after `why`.
process.argv.splice(2, 0, 'why');
await import('./pilothouse.mjs');
