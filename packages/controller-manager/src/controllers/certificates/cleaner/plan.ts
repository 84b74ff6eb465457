/** How long certificate requests are kept. Pure. */
import { X509Certificate } from 'node:crypto';
import { parseTime } from '@pilothouse/base';
import type { CertificateSigningRequest } from '@pilothouse/api-schemas/types/certificates/v1';
import { isIssued } from '../request.ts';

const hourMs = 3_600_000;
const pendingMs = 24 * hourMs;
const settledMs = hourMs;

/** When the request is to be deleted: an hour after it was settled, a day after nobody settled it, or when its certificate ends; undefined: never. */
export function deleteAtMs(csr: CertificateSigningRequest): number | undefined {
  const conditions = csr.status?.conditions ?? [];
  const issued = isIssued(csr);
  const times: number[] = [];
  const after = (time: string | undefined, delayMs: number) => {
    if (time) times.push(parseTime(time) + delayMs);
  };
  if (!conditions.length) after(csr.metadata.creationTimestamp, pendingMs);
  for (const { type, lastUpdateTime } of conditions) {
    if (type === 'Denied' || type === 'Failed') after(lastUpdateTime, settledMs);
    if (type === 'Approved') {
      after(lastUpdateTime, issued ? settledMs : pendingMs);
      const end = issued ? endOf(csr.status!.certificate!) : undefined;
      if (end !== undefined) times.push(end);
    }
  }
  return times.length ? Math.min(...times) : undefined;
}

function endOf(certificate: string): number | undefined {
  try {
    return new X509Certificate(Buffer.from(certificate, 'base64')).validToDate.getTime();
  } catch {
    return undefined;
  }
}
