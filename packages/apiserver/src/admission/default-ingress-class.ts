import { ingressClasses } from '@pilothouse/apimachinery';
import { andThen } from '@pilothouse/base';
import type { AdmissionPlugin } from '../contract.ts';
import { isAbout } from './refuse.ts';
import { chooseDefault } from './storage.ts';

export const defaultIngressClass: AdmissionPlugin = {
  name: 'DefaultIngressClass',
  operations: ['CREATE'],
  mutate(a) {
    if (!isAbout(a, 'networking.k8s.io/ingresses') || a.subresource) return;
    const { spec, metadata } = a.object;
    if ((spec?.ingressClassName ?? undefined) !== undefined || metadata.annotations?.['kubernetes.io/ingress.class'] !== undefined) return;
    return andThen(a.read.list(ingressClasses), (classes) => {
      const chosen = chooseDefault(classes.filter((c) => c.metadata.annotations?.['ingressclass.kubernetes.io/is-default-class'] === 'true'));
      if (chosen) a.object.spec = { ...spec, ingressClassName: chosen.metadata.name };
    });
  },
};
