/** What a request for a certificate (PKCS #10) asks for. */
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '@pilothouse/api-schemas/types/certificates/v1';

export interface RequestedNames {
  commonName: string;
  organizations: readonly string[];
  dnsNames: readonly string[];
  emailAddresses: readonly string[];
  ipAddresses: readonly string[];
  uris: readonly string[];
}

/** The X.509 library, which takes tens of milliseconds to load and is needed seldom. */
export async function x509Library() {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

/** subjectAltName */
const alternativeNamesId = '2.5.29.17';

/** The decoded request and what it names. @throws for what is no certificate request in PEM */
export async function readRequest(csr: CertificateSigningRequest) {
  const x509 = await x509Library();
  const pem = Buffer.from(csr.spec?.request ?? '', 'base64').toString('latin1');
  if (!pem.includes('-----BEGIN CERTIFICATE REQUEST-----')) throw new Error('PEM block type must be CERTIFICATE REQUEST');
  const request = new x509.Pkcs10CertificateRequest(pem);
  const extension = request.getExtension(alternativeNamesId);
  const alternatives = extension ? new x509.SubjectAlternativeNameExtension(extension.rawData).names.items.map(({ type, value }) => ({ type, value })) : [];
  const of = (type: string) => alternatives.filter((name) => name.type === type).map((name) => name.value);
  const names: RequestedNames = {
    commonName: request.subjectName.getField('CN').at(-1) ?? '',
    organizations: request.subjectName.getField('O'),
    dnsNames: of('dns'), emailAddresses: of('email'), ipAddresses: of('ip'), uris: of('url'),
  };
  return { request, names, alternatives };
}

const trueCondition = (csr: CertificateSigningRequest, type: string): CertificateSigningRequestCondition | undefined => csr.status?.conditions?.find((c) => c.type === type && (c.status ?? 'True') !== 'False');

export const isApproved = (csr: CertificateSigningRequest): boolean => trueCondition(csr, 'Approved') !== undefined && !isDenied(csr);
export const isDenied = (csr: CertificateSigningRequest): boolean => trueCondition(csr, 'Denied') !== undefined;
export const hasFailed = (csr: CertificateSigningRequest): boolean => trueCondition(csr, 'Failed') !== undefined;
export const isIssued = (csr: CertificateSigningRequest): boolean => !!csr.status?.certificate?.length;
