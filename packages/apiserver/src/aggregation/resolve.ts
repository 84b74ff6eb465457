/** Where the server behind a service is reached. Pure. @see https://github.com/kubernetes/apiserver/blob/master/pkg/util/proxy/proxy.go */
import type { Service } from '@pilothouse/api-schemas/types/core/v1';
import type { EndpointSlice } from '@pilothouse/api-schemas/types/discovery/v1';
import { goQuote } from '@pilothouse/apimachinery';
import type { Random } from '@pilothouse/base';

export interface Address {
  host: string;
  port: number;
}

const withAddress = new Set(['ClusterIP', 'LoadBalancer', 'NodePort']);

function portOf({ metadata, spec }: Service, port: number) {
  const found = spec?.ports?.find((one) => one.port === port);
  if (!found) throw new Error(`no service port ${port} found for service ${goQuote(metadata.name ?? '')}`);
  return found;
}

/** The service's own address, or the name that an ExternalName stands for. @throws Error in upstream's words */
export function clusterAddress(service: Service, port: number): Address {
  const { type = '', clusterIP = '', externalName = '' } = service.spec ?? {};
  if (type === 'ClusterIP' && clusterIP === 'None') throw new Error('cannot route to service with ClusterIP "None"');
  if (type === 'ExternalName') return { host: externalName, port };
  if (!withAddress.has(type)) throw new Error(`unsupported service type ${goQuote(type)}`);
  return { host: clusterIP, port: portOf(service, port).port };
}

/** One of the service's ready endpoints, those of its first IP family before others. @throws Error in upstream's words */
export function endpointAddress(service: Service, slices: readonly EndpointSlice[], port: number, random: Pick<Random, 'below'>): Address {
  const { type = '', ipFamilies } = service.spec ?? {};
  if (!withAddress.has(type)) throw new Error(`unsupported service type ${goQuote(type)}`);
  const { name: portName = '' } = portOf(service, port);
  const ready = (family: boolean): Address[] =>
    slices.filter((slice) => (slice.addressType === (ipFamilies?.[0] ?? slice.addressType)) === family).flatMap((slice) => {
      const own = slice.ports?.find((one) => (one.name ?? '') === portName);
      return own?.port === undefined ? [] : (slice.endpoints ?? []).filter(({ conditions }) => conditions?.ready ?? true).map(({ addresses }) => ({ host: addresses[0], port: own.port! }));
    });
  const preferred = ready(true);
  const choice = preferred.length ? preferred : ready(false);
  if (!choice.length) throw new Error(`no endpoints available for service ${goQuote(service.metadata.name ?? '')}`);
  return choice[random.below(choice.length)];
}
