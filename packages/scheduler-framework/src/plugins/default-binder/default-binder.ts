import { messageOf } from '@pilothouse/base/errors';
import { plugin, type PluginFactory } from '../../contract.ts';
import { failure } from '../../verdict.ts';

/** Binds through the pod's `binding` subresource. */
export const defaultBinder: PluginFactory = {
  name: 'DefaultBinder',
  create: (_args, { actions }) =>
    plugin({
      name: 'DefaultBinder',
      bind: async (info, node) => {
        try {
          await actions.bind(info.pod, node);
          return undefined;
        } catch (error) {
          return failure(messageOf(error), error);
        }
      },
    }),
};
