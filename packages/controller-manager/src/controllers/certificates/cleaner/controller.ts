import { certificateSigningRequests, isNotFound } from '@pilothouse/apimachinery';
import { defineController, done, itself, requeueAfter } from '@pilothouse/controller-runtime';
import { deleteAtMs } from './plan.ts';

/** Deletes certificate requests that are settled, or that nobody will settle. */
export const csrCleanerController = defineController({
  name: 'certificatesigningrequest-cleaner-controller',
  aliases: ['csrcleaner'],
  serviceAccount: 'certificate-controller',
  watches: [itself(certificateSigningRequests)],
  workers: 1,
  async reconcile(name, { client, clock, lister, signal }) {
    const csr = lister(certificateSigningRequests).get(name);
    const at = csr && deleteAtMs(csr);
    if (at === undefined) return done;
    const left = at - clock.now();
    if (left >= 0) return requeueAfter(left + 1);
    try {
      await client.delete(certificateSigningRequests, name, { preconditions: { uid: csr!.metadata.uid }, signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return done;
  },
});
