/** Images for containers: present already, or pulled with the pod's credentials; failures wait, doubling. */
import type { Secret } from '@pilothouse/api-schemas/types/core/v1';
import type { Clock } from '@pilothouse/base';
import type { AuthConfig, Cri, Draft } from '../cri/contract.ts';
import { type Backoff, createBackoff } from '../pods/backoff.ts';
import type { ImageUser } from '../pods/security.ts';
import { credentialsFor } from './credentials.ts';
import { withDefaultTag } from './reference.ts';

export interface ImageRequest {
  image: string;
  policy: string;
  podUid: string;
  secrets: readonly Secret[];
  sandboxConfig: object;
  signal?: AbortSignal;
  event(type: 'Normal' | 'Warning', reason: string, message: string): void;
}

export type ImageOutcome = { imageRef: string; user: ImageUser } | { reason: 'ErrImagePull' | 'ImagePullBackOff' | 'ErrImageNeverPull' | 'InvalidImageName' | 'ImageInspectError'; message: string; retryMs?: number };

export interface ImageManager {
  ensure(request: ImageRequest): Promise<ImageOutcome>;
  forget(podUid: string): void;
}

const initialMs = 10_000;
const maxMs = 300_000;

/** Go's writing of a duration below a minute: `412ms`, `1.25s`. */
const goDuration = (ms: number) => (ms < 1000 ? `${Math.round(ms)}ms` : ms < 60_000 ? `${Math.round(ms) / 1000}s` : `${Math.floor(ms / 60_000)}m${Math.round(ms % 60_000) / 1000}s`);

export function createImageManager({ cri, clock, backoff = createBackoff({ initialMs, maxMs }) }: { cri: Cri; clock: Clock; backoff?: Backoff }): ImageManager {
  const lastErrors = new Map<string, string>();
  const pulling = new Map<string, Promise<unknown>>();

  const inspect = async (image: string) => {
    const { image: found } = await cri.call('ImageStatus', { image: { image } });
    return found ? { imageRef: found.id, size: found.size, user: { ...(found.uid && { uid: found.uid.value }), ...(!found.uid && !found.username && { uid: 0 }), username: found.username } } : undefined;
  };

  async function pull(image: string, auths: Draft<AuthConfig>[], request: ImageRequest): Promise<void> {
    let last: unknown;
    for (const auth of auths.length ? auths : [undefined]) {
      try {
        await cri.call('PullImage', { image: { image }, ...(auth && { auth }), sandboxConfig: request.sandboxConfig }, { signal: request.signal });
        return;
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }

  return {
    async ensure(request) {
      const { event, podUid } = request;
      const named = withDefaultTag(request.image);
      if ('problem' in named) {
        const message = `Failed to apply default image tag ${JSON.stringify(request.image)}: couldn't parse image name ${JSON.stringify(request.image)}: ${named.problem}`;
        event('Warning', 'InspectFailed', message);
        return { reason: 'InvalidImageName', message };
      }
      const image = named.reference;
      let found: Awaited<ReturnType<typeof inspect>>;
      try {
        found = await inspect(image);
      } catch (error) {
        const message = `Failed to inspect image ${JSON.stringify(request.image)}: ${(error as Error).message}`;
        event('Warning', 'InspectFailed', message);
        return { reason: 'ImageInspectError', message };
      }
      if (found && request.policy !== 'Always') {
        event('Normal', 'Pulled', `Container image ${JSON.stringify(request.image)} already present on machine and can be accessed by the pod`);
        return found;
      }
      if (request.policy === 'Never') {
        const message = `Container image ${JSON.stringify(request.image)} is not present with pull policy of Never`;
        event('Warning', 'ErrImageNeverPull', message);
        return { reason: 'ErrImageNeverPull', message };
      }
      const key = `${podUid}_${request.image}`;
      const waitMs = backoff.remainingSinceUpdateMs(key, clock.now());
      if (waitMs > 0) {
        event('Normal', 'BackOff', `Back-off pulling image ${JSON.stringify(request.image)}`);
        return { reason: 'ImagePullBackOff', message: `Back-off pulling image ${JSON.stringify(request.image)}: ErrImagePull: ${lastErrors.get(key) ?? ''}`, retryMs: waitMs };
      }
      event('Normal', 'Pulling', `Pulling image ${JSON.stringify(request.image)}`);
      const start = clock.monotonic();
      // Serialised, as the upstream kubelet pulls by default: one image's layers at a time.
      const before = pulling.get('all') ?? Promise.resolve();
      const mine = before.catch(() => undefined).then(async () => {
        const began = clock.monotonic();
        await pull(image, credentialsFor(image, request.secrets), request);
        return clock.monotonic() - began;
      });
      pulling.set('all', mine);
      try {
        const tookMs = await mine;
        found = await inspect(image);
        if (!found) throw new Error(`image ${JSON.stringify(image)} is not there after its pull`);
        event('Normal', 'Pulled', `Successfully pulled image ${JSON.stringify(request.image)} in ${goDuration(tookMs)} (${goDuration(clock.monotonic() - start)} including waiting). Image size: ${found.size} bytes.`);
        backoff.forget(key);
        return found;
      } catch (error) {
        request.signal?.throwIfAborted();
        const message = (error as Error).message;
        lastErrors.set(key, message);
        event('Warning', 'Failed', `Failed to pull image ${JSON.stringify(request.image)}: ${message}`);
        const now = clock.now();
        backoff.next(key, now, now);
        return { reason: 'ErrImagePull', message, retryMs: backoff.remainingSinceUpdateMs(key, now) };
      }
    },
    forget(podUid) {
      backoff.forget(`${podUid}_`);
      for (const key of lastErrors.keys()) if (key.startsWith(`${podUid}_`)) lastErrors.delete(key);
    },
  };
}
