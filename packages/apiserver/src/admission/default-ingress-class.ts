import { ingressClasses } from '@pilothouse/apimachinery';
import type { AdmissionPlugin } from '../contract.ts';
import { isAbout } from './refuse.ts';
import { chooseDefault } from './storage.ts';

export const defaultIngressClass: AdmissionPlugin = {
  name: 'DefaultIngressClass',
  operations: ['CREATE'],
  async mutate(a) {
    if (!isAbout(a, 'networking.k8s.io/ingresses') || a.subresource) return;
    const { spec, metadata } = a.object;
    if ((spec?.ingressClassName ?? undefined) !== undefined || metadata.annotations?.['kubernetes.io/ingress.class'] !== undefined) return;
    const chosen = chooseDefault((await a.read.list(ingressClasses)).filter((c) => c.metadata.annotations?.['ingressclass.kubernetes.io/is-default-class'] === 'true'));
    if (chosen) a.object.spec = { ...spec, ingressClassName: chosen.metadata.name };
  },
};
