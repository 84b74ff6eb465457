import { type ApiResponse, isNotFound } from '@pilothouse/apimachinery';
import { deleteOptions } from '../request/delete-options.ts';
import type { Call } from './call.ts';
import { deleteStored } from './delete.ts';
import { answerList, listMeta, listPage } from './list.ts';
import { listOptions } from './list-options.ts';

/** Deletes of one collection that run at one time. */
const workers = 10;

/** Deletes everything a list with the same selectors would show; answers with that list. */
export async function deleteCollection(call: Call): Promise<ApiResponse> {
  const { resource, request, info } = call;
  const which = listOptions(resource, info, false);
  const options = deleteOptions(request, info.query);
  const page = await listPage(call, which);
  const queue = [...page.items];
  const work = async (): Promise<void> => {
    for (let entry = queue.shift(); entry; entry = queue.shift()) {
      const { name, namespace } = entry;
      const one: Call = namespace === info.namespace ? call : { ...call, info: { ...info, namespace } };
      await deleteStored(one, name, { ...options }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, queue.length) }, work));
  return answerList(call, page, listMeta(call, page));
}
