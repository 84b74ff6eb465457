/** Whether the service behind an APIService can be asked. Pure. @see https://github.com/kubernetes/kube-aggregator/tree/master/pkg/controllers/status/remote */
import type { APIService, APIServiceCondition } from '@pilothouse/api-schemas/types/apiregistration/v1';
import type { Service } from '@pilothouse/api-schemas/types/core/v1';
import type { EndpointSlice } from '@pilothouse/api-schemas/types/discovery/v1';
import { goQuote } from '@pilothouse/apimachinery';

export interface Verdict {
  status: 'True' | 'False';
  reason: string;
  message: string;
}

/** What can be said from the cluster's objects; undefined: the server itself must be asked. */
export function structuralVerdict({ spec }: APIService, service: Service | undefined, slices: readonly EndpointSlice[]): Verdict | undefined {
  const { name = '', namespace = '', port = 443 } = spec?.service ?? {};
  const at = `service/${name} in ${goQuote(namespace)}`;
  const no = (reason: string, message: string): Verdict => ({ status: 'False', reason, message });
  if (!service) return no('ServiceNotFound', `${at} is not present`);
  if (service.spec?.type !== 'ClusterIP') return undefined;
  const found = service.spec.ports?.find((p) => p.port === port);
  if (!found) return no('ServicePortError', `${at} is not listening on port ${port}`);
  if (!slices.length) return no('EndpointsNotFound', `cannot find endpointslices for ${at}`);
  const portName = found.name ?? '';
  const ready = slices.some((slice) => slice.endpoints?.some((e) => e.conditions?.ready ?? true) && slice.ports?.some((p) => (p.name ?? '') === portName && p.port !== undefined));
  return ready ? undefined : no('MissingEndpoints', `endpointslices for ${at} have no addresses with port name ${goQuote(portName)}`);
}

export const localVerdict: Verdict = { status: 'True', reason: 'Local', message: 'Local APIServices are always available' };

/** What a server must serve to be there. */
export const discoveryPath = ({ metadata, spec }: APIService): string => (metadata.name === 'v1.' ? `/api/${spec!.version}` : `/apis/${spec!.group}/${spec!.version}`);

/** The conditions with the verdict among them; undefined where they say it already. `now` is RFC 3339. */
export function withVerdict(conditions: readonly APIServiceCondition[] | undefined, { status, reason, message }: Verdict, now: string): APIServiceCondition[] | undefined {
  const held = conditions?.find((c) => c.type === 'Available');
  if (held && held.status === status && held.reason === reason && held.message === message) return undefined;
  const next = { type: 'Available', status, lastTransitionTime: held?.status === status ? held.lastTransitionTime : now, reason, message };
  return held ? conditions!.map((c) => (c === held ? next : c)) : [...(conditions ?? []), next];
}
