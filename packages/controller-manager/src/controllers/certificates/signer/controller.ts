import { readFile } from 'node:fs/promises';
import { formatTime } from '@pilothouse/base';
import { certificateSigningRequests } from '@pilothouse/apimachinery';
import { type ControllerContext, defineController, done, durationFlagMs, itself } from '@pilothouse/controller-runtime';
import { signers } from '../policies.ts';
import { hasFailed, isApproved, isIssued, readRequest } from '../request.ts';
import { type Authority, sign } from './sign.ts';

const yearMs = 365 * 24 * 3_600_000;

/** Signs approved certificate requests of the built-in signers. @see https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/ */
export const csrSigningController = defineController<Map<string, Authority>>({
  name: 'certificatesigningrequest-signing-controller',
  aliases: ['csrsigning'],
  serviceAccount: 'certificate-controller',
  watches: [itself(certificateSigningRequests)],
  start: loadAuthorities,
  async reconcile(name, context, authorities) {
    const { client, clock, lister, random, signal } = context;
    const csr = lister(certificateSigningRequests).get(name);
    if (!csr || isIssued(csr) || !isApproved(csr) || hasFailed(csr)) return done;
    const signer = csr.spec?.signerName ?? '';
    const authority = authorities.get(signer);
    if (!authority) return done;
    const problem = signers[signer].problem((await readRequest(csr)).names, csr.spec?.usages ?? []);
    if (problem) {
      const nowText = formatTime(clock.now());
      const failed = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message: problem, lastUpdateTime: nowText };
      await client.updateStatus(certificateSigningRequests, { ...csr, status: { ...csr.status, conditions: [...(csr.status?.conditions ?? []), failed] } }, { signal });
      return done;
    }
    const pem = await sign(csr, authority, { longestMs: durationFlagMs(context, 'cluster-signing-duration', yearMs), nowMs: clock.now(), random });
    await client.updateStatus(certificateSigningRequests, { ...csr, status: { ...csr.status, certificate: Buffer.from(pem).toString('base64') } }, { signal });
    return done;
  },
});

/** Authorities by signer: its own where its flags name one, else the cluster's, unless some signer has its own. */
async function loadAuthorities({ flags, log }: ControllerContext): Promise<Map<string, Authority>> {
  const given = async (prefix: string): Promise<Authority | undefined> => {
    const [certificate, key] = await Promise.all(['cert-file', 'key-file'].map((suffix) => content(flags[`cluster-signing-${prefix}${suffix}`])));
    return certificate && key ? { certificate, key } : undefined;
  };
  const authorities = new Map<string, Authority>();
  for (const [name, { flag }] of Object.entries(signers)) {
    const own = await given(`${flag}-`);
    if (own) authorities.set(name, own);
  }
  const common = authorities.size ? undefined : await given('');
  if (common) for (const name of Object.keys(signers)) authorities.set(name, common);
  if (!authorities.size) log.info('No cluster-signing-cert-file and cluster-signing-key-file given, certificate requests are not signed');
  return authorities;
}

/** A flag's value is a path, or the PEM itself. */
async function content(value: unknown): Promise<string | undefined> {
  if (typeof value !== 'string' || !value) return undefined;
  return value.includes('-----BEGIN') ? value : readFile(value, 'utf8');
}
