import type { SubjectAccessReview } from '@pilothouse/api-schemas/types/authorization/v1';
import type { CertificateSigningRequest } from '@pilothouse/api-schemas/types/certificates/v1';
import { certificateSigningRequests, subjectAccessReviews } from '@pilothouse/apimachinery';
import { type ControllerContext, defineController, done, itself, requeueAfter } from '@pilothouse/controller-runtime';
import { kubeletClientProblem } from '../policies.ts';
import { isApproved, isDenied, isIssued, readRequest, type RequestedNames } from '../request.ts';

const kubeletClient = 'kubernetes.io/kube-apiserver-client-kubelet';
const firstRetryMs = 200;
const longestRetryMs = 1_000_000;

/** What is approved of itself, if its requestor may create this subresource of certificate requests. */
const recognizers = [
  { subresource: 'selfnodeclient', recognizes: (csr: CertificateSigningRequest, names: RequestedNames) => csr.spec?.username === names.commonName, message: 'Auto approving self kubelet client certificate after SubjectAccessReview.' },
  { subresource: 'nodeclient', recognizes: () => true, message: 'Auto approving kubelet client certificate after SubjectAccessReview.' },
];

/** Approves kubelets' requests for client certificates. @see https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/ */
export const csrApprovingController = defineController<Map<string, number>>({
  name: 'certificatesigningrequest-approving-controller',
  aliases: ['csrapproving'],
  serviceAccount: 'certificate-controller',
  watches: [itself(certificateSigningRequests)],
  /** Refusals by name of the request: the right may be given later. */
  start: () => new Map(),
  async reconcile(name, context, refusals) {
    const { client, lister, signal } = context;
    const csr = lister(certificateSigningRequests).get(name);
    if (!csr || isIssued(csr) || isApproved(csr) || isDenied(csr) || csr.spec?.signerName !== kubeletClient) {
      refusals.delete(name);
      return done;
    }
    const { names } = await readRequest(csr);
    if (kubeletClientProblem(names, csr.spec.usages ?? [])) return done;
    for (const { subresource, recognizes, message } of recognizers) {
      if (!recognizes(csr, names) || !(await mayCreate(csr, subresource, context))) continue;
      const approved = { type: 'Approved', status: 'True', reason: 'AutoApproved', message };
      await client.update(certificateSigningRequests, { ...csr, status: { ...csr.status, conditions: [...(csr.status?.conditions ?? []), approved] } }, { subresource: 'approval', signal });
      return done;
    }
    const times = refusals.get(name) ?? 0;
    refusals.set(name, times + 1);
    return requeueAfter(Math.min(firstRetryMs * 2 ** times, longestRetryMs));
  },
});

async function mayCreate({ spec }: CertificateSigningRequest, subresource: string, { client, signal }: ControllerContext): Promise<boolean> {
  const review: SubjectAccessReview = {
    metadata: {},
    spec: {
      user: spec?.username, uid: spec?.uid, groups: spec?.groups, extra: spec?.extra as never,
      resourceAttributes: { group: 'certificates.k8s.io', resource: 'certificatesigningrequests', verb: 'create', subresource, version: '*' },
    },
  };
  return (await client.create(subjectAccessReviews, review, { signal })).status?.allowed ?? false;
}
