import { pods, StatusError } from '@pilothouse/apimachinery';
import { UserError } from '@pilothouse/base';
import { report, type SchedulingReview } from '@pilothouse/scheduler-lab';
import { askReview, latestTrace } from '../parts/lab-client.ts';
import { print, terminalOptions } from '../parts/terminal.ts';
import { type AccessFlags, userAccess } from '../parts/user-access.ts';

interface WhyFlags extends AccessFlags {
  output?: string;
}

/** `pilothouse why POD`, `kubectl why POD`: why the pod is where it is, or nowhere. */
export async function why(target: string, flags: WhyFlags): Promise<void> {
  const name = target.replace(/^pods?\//, '');
  const { client, namespace } = userAccess(flags, 'kubectl-why');
  try {
    const pod = await client.get(pods, name, { namespace });
    const trace = await latestTrace(client, namespace, name);
    const ofThisPod = trace?.pod.uid === pod.metadata.uid ? trace : undefined;
    const bound = Boolean(pod.spec?.nodeName);
    let review: SchedulingReview | undefined;
    // A pod that waits is looked at as things stand now; one that runs as things stood, where that is still known.
    if (!bound || !ofThisPod) review = await askReview(client, namespace, { podName: name, allPlugins: true, suggest: !bound, maxNodes: 1000 });
    print(flags.output, { ...(ofThisPod && { trace: ofThisPod }), ...(review && { review }) }, () => {
      const options = terminalOptions();
      if (!review) return report({ explanation: ofThisPod!.explanation, ...(ofThisPod!.explanation.details === 'Expired' && { note: 'The cluster of then is not known any more: only what was noted can be told.' }) }, options);
      const { explanation, suggestions, changesTried } = review.status!;
      const note = bound ? `No attempt of it is kept. It runs on ${pod.spec!.nodeName}; this is what the scheduler would do with it now.` : explanation.result === 'Scheduled' ? 'As things stand now it fits; it waits for its next attempt.' : undefined;
      return report({ explanation, suggestions, changesTried, ...(!bound && { last: ofThisPod }), ...(note && { note }) }, options);
    });
  } catch (error) {
    throw asUserError(error);
  } finally {
    await client.close();
  }
}

/** An error of the server, in kubectl's words. */
export function asUserError(error: unknown): unknown {
  if (!(error instanceof StatusError)) return error;
  return new UserError(`Error from server (${error.reason || 'Unknown'}): ${error.message}`, { cause: error });
}
