import type { NonResourceRoute } from '@pilothouse/apiserver';
import { textAnswer } from '@pilothouse/apiserver/request/respond';
import type { LabAssets } from './assets.ts';

/** The lab's page at `/lab` of an API server: files without secrets, which anyone may read. */
export const labRoute = (assets: LabAssets): NonResourceRoute => ({
  path: '/lab',
  handle(request, { path }) {
    const found = assets.answer(path, request.headers);
    return found ? { status: found.status, headers: found.headers, body: found.body } : textAnswer('404 page not found\n', 404);
  },
});
