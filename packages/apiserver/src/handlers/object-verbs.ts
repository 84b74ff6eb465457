import type { Handler } from './call.ts';
import { createObject } from './create.ts';
import { deleteCollection } from './delete-collection.ts';
import { deleteObject } from './delete.ts';
import { getObject } from './get.ts';
import { listObjects } from './list.ts';
import { patchObject } from './patch.ts';
import { updateObject } from './update.ts';
import { watchObjects } from './watch.ts';

/** The verbs on a resource itself, built-in or custom. */
export const objectVerbs: Readonly<Record<string, Handler>> = {
  get: getObject,
  list: listObjects,
  watch: watchObjects,
  create: createObject,
  update: (call) => updateObject(call),
  patch: (call) => patchObject(call),
  delete: deleteObject,
  deletecollection: deleteCollection,
};
