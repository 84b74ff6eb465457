/** Probes and lifecycle hooks. */
import { type FieldError, forbidden, httpHeaderName, invalid, notSupported, portName, portNumber, required } from '@pilothouse/apimachinery';
import type { Lifecycle, LifecycleHandler, Probe } from '@pilothouse/api-schemas/types/core/v1';
import { checkName } from './check-name.ts';
import { nonnegative } from './numbers.ts';

export function validatePort(errors: FieldError[], port: number | string | undefined, path: string): void {
  if (typeof port === 'string') checkName(errors, path, port, portName);
  else checkName(errors, path, port ?? 0, portNumber);
}

type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & Pick<LifecycleHandler, 'sleep'>;

const rules: { [K in keyof Handler]-?: (errors: FieldError[], action: NonNullable<Handler[K]>, path: string, graceSeconds: number | undefined) => void } = {
  exec: (errors, action, path) => {
    if (!action.command?.length) errors.push(required(`${path}.command`));
  },
  httpGet: (errors, action, path) => {
    if (!action.path) errors.push(required(`${path}.path`));
    validatePort(errors, action.port, `${path}.port`);
    if (action.scheme !== 'HTTP' && action.scheme !== 'HTTPS') errors.push(notSupported(`${path}.scheme`, action.scheme ?? '', ['HTTP', 'HTTPS']));
    for (const header of action.httpHeaders ?? []) checkName(errors, `${path}.httpHeaders`, header.name, httpHeaderName);
  },
  tcpSocket: (errors, action, path) => validatePort(errors, action.port, `${path}.port`),
  grpc: (errors, action, path) => validatePort(errors, action.port, `${path}.port`),
  sleep: (errors, action, path, graceSeconds) => {
    if (graceSeconds !== undefined && (action.seconds < 0 || action.seconds > graceSeconds)) errors.push(invalid(path, action.seconds, `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`));
  },
};

function validateHandler(errors: FieldError[], handler: Handler, path: string, graceSeconds: number | undefined): void {
  let count = 0;
  for (const kind of ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const) {
    const action = handler[kind];
    if (!action) continue;
    if (count > 0) errors.push(forbidden(`${path}.${kind}`, 'may not specify more than 1 handler type'));
    else {
      count++;
      (rules[kind] as (e: FieldError[], a: unknown, p: string, g: number | undefined) => void)(errors, action, `${path}.${kind}`, graceSeconds);
    }
  }
  if (count === 0) errors.push(required(path, 'must specify a handler type'));
}

const counters = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const;

export function validateProbe(errors: FieldError[], probe: Probe | undefined, kind: 'liveness' | 'readiness' | 'startup', path: string, graceSeconds: number | undefined): void {
  if (!probe) return;
  validateHandler(errors, probe, path, graceSeconds);
  nonnegative(errors, probe, path, ...counters);
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0) errors.push(invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must be greater than 0'));
  if (kind === 'readiness') {
    if (grace !== undefined) errors.push(invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes'));
  } else if (probe.successThreshold !== 1) errors.push(invalid(`${path}.successThreshold`, probe.successThreshold ?? 0, 'must be 1'));
}

export function validateLifecycle(errors: FieldError[], lifecycle: Lifecycle, path: string, graceSeconds: number | undefined): void {
  if (lifecycle.postStart) validateHandler(errors, lifecycle.postStart, `${path}.postStart`, graceSeconds);
  if (lifecycle.preStop) validateHandler(errors, lifecycle.preStop, `${path}.preStop`, graceSeconds);
}
