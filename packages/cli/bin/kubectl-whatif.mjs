#!/usr/bin/env node
// `kubectl whatif`: kubectl runs a program of this name on the PATH and gives it the arguments after `whatif`.
process.argv.splice(2, 0, 'whatif');
await import('./pilothouse.mjs');
