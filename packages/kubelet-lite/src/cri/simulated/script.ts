/**
 * What a simulated container does with its time. A few commands are understood (`sleep N`, `echo TEXT`, `exit N`,
 * `true`, `false`, and these in `sh -c` joined by `;` or `&&`); any other runs until it is stopped. The pod's annotation
 * `pilothouse.dev/simulate` says it outright, per container: `{"web": {"runSeconds": 5, "exitCode": 1}}`.
 */

export const simulateAnnotation = 'pilothouse.dev/simulate';

export interface Script {
  /** Undefined: until stopped. */
  runMs?: number;
  exitCode: number;
  /** What it says, and when after its start. */
  lines: { atMs: number; text: string }[];
  /** How long a stop takes; default 0, at most the grace period. */
  stopMs?: number;
  /** Fails to start, with this message. */
  startError?: string;
}

const forever: Script = { exitCode: 0, lines: [] };

export function scriptOf(container: string, command: readonly string[], annotation: string | undefined): Script {
  const told = fromAnnotation(annotation, container);
  if (told) return told;
  const [program, ...args] = command;
  if (!program) return forever;
  const name = program.slice(program.lastIndexOf('/') + 1);
  if ((name === 'sh' || name === 'bash' || name === 'ash') && args[0] === '-c' && args[1] !== undefined) return fromShell(args[1]) ?? forever;
  return fromStatements([command]) ?? forever;
}

function fromAnnotation(annotation: string | undefined, container: string): Script | undefined {
  if (!annotation) return undefined;
  let told: { runSeconds?: number; exitCode?: number; stopSeconds?: number; log?: string[]; startError?: string } | undefined;
  try {
    const all = JSON.parse(annotation);
    told = all[container] ?? all['*'];
  } catch {
    return undefined;
  }
  if (!told) return undefined;
  return {
    ...(told.runSeconds !== undefined && { runMs: told.runSeconds * 1000 }),
    exitCode: told.exitCode ?? 0,
    lines: (told.log ?? []).map((text) => ({ atMs: 0, text })),
    ...(told.stopSeconds !== undefined && { stopMs: told.stopSeconds * 1000 }),
    ...(told.startError && { startError: told.startError }),
  };
}

/** Only text without quotes, variables, pipes and the like is taken apart. */
function fromShell(text: string): Script | undefined {
  if (/[|<>`$(){}&*?[\]\\]/.test(text.replaceAll('&&', ''))) return undefined;
  const statements = text.split(/;|&&|\n/).map((s) => s.trim()).filter(Boolean);
  return fromStatements(statements.map((s) => (s.match(/"[^"]*"|'[^']*'|\S+/g) ?? []).map((w) => w.replace(/^(["'])(.*)\1$/, '$2'))));
}

function fromStatements(statements: readonly (readonly string[])[]): Script | undefined {
  const script: Script = { runMs: 0, exitCode: 0, lines: [] };
  for (const [program, ...args] of statements) {
    const name = program.slice(program.lastIndexOf('/') + 1);
    if (name === 'sleep' && /^\d+(\.\d+)?[smhd]?$/.test(args[0] ?? '')) script.runMs! += Number.parseFloat(args[0]) * 1000 * { s: 1, m: 60, h: 3600, d: 86_400 }[(/[smhd]$/.exec(args[0])?.[0] ?? 's') as 's'];
    else if (name === 'sleep' && (args[0] === 'infinity' || args[0] === 'inf')) return { ...script, runMs: undefined };
    else if (name === 'echo') script.lines.push({ atMs: script.runMs!, text: args.join(' ') });
    else if (name === 'true') script.exitCode = 0;
    else if (name === 'false') script.exitCode = 1;
    else if (name === 'exit') return { ...script, exitCode: Number(args[0] ?? script.exitCode) & 0xff };
    else return undefined;
  }
  return script;
}
