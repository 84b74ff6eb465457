/** Who may approve and sign certificate requests of a signer, and what no signer may be asked for. */
import { goQuote } from '@pilothouse/apimachinery';
import { isDeepStrictEqual } from 'node:util';
import type { AdmissionAttributes, AdmissionPlugin } from '../contract.ts';
import { isAbout, refuse } from './refuse.ts';

const resource = 'certificates.k8s.io/certificatesigningrequests';

/** A right to a signer may be given by its whole name or for all of its domain. */
async function mayUse(a: AdmissionAttributes, verb: string, signer: string): Promise<boolean> {
  for (const name of [signer, `${signer.split('/')[0]}/*`]) {
    const { decision } = await a.authorize({ user: a.user, verb, isResource: true, path: '', group: 'certificates.k8s.io', version: '*', resource: 'signers', subresource: '', namespace: '', name });
    if (decision === 'allow') return true;
  }
  return false;
}

export const certificateApproval: AdmissionPlugin = {
  name: 'CertificateApproval',
  operations: ['UPDATE'],
  async validate(a) {
    if (!isAbout(a, resource) || a.subresource !== 'approval') return;
    const signer = a.old.spec.signerName;
    if (!(await mayUse(a, 'approve', signer))) throw refuse(a, `user not permitted to approve requests with signerName ${goQuote(signer)}`);
  },
};

export const certificateSigning: AdmissionPlugin = {
  name: 'CertificateSigning',
  operations: ['UPDATE'],
  async validate(a) {
    if (!isAbout(a, resource) || a.subresource !== 'status') return;
    if (a.old.status?.certificate === a.object.status?.certificate && isDeepStrictEqual(a.old.status?.conditions ?? [], a.object.status?.conditions ?? [])) return;
    const signer = a.old.spec.signerName;
    if (!(await mayUse(a, 'sign', signer))) throw refuse(a, `user not permitted to sign requests with signerName ${goQuote(signer)}`);
  },
};

/** Nobody becomes a cluster administrator through a certificate request. */
export const certificateSubjectRestriction: AdmissionPlugin = {
  name: 'CertificateSubjectRestriction',
  operations: ['CREATE'],
  async validate(a) {
    const signer = 'kubernetes.io/kube-apiserver-client';
    if (!isAbout(a, resource) || a.subresource || a.object.spec?.signerName !== signer) return;
    await import('reflect-metadata');
    const { Pkcs10CertificateRequest } = await import('@peculiar/x509');
    let organizations: string[];
    try {
      organizations = new Pkcs10CertificateRequest(Buffer.from(a.object.spec.request, 'base64').toString()).subjectName.getField('O');
    } catch (error) {
      throw refuse(a, `failed to parse CSR: ${(error as Error).message}`);
    }
    if (organizations.includes('system:masters')) throw refuse(a, `use of ${signer} signer with system:masters group is not allowed`);
  },
};
