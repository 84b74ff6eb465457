import { maxNodeScore, plugin, type PluginFactory } from '../../contract.ts';
import type { PodInfo } from '../../pod/pod-info.ts';
import type { ImageState } from '../../snapshot/images.ts';
import { divide } from '../normalize.ts';

const mebibyte = 1024 * 1024;
const minThreshold = 23 * mebibyte;
const maxContainerThreshold = 1000 * mebibyte;

/** Images without a tag are `:latest`; no registry is added. */
export const normalizedImageName = (name: string): string => (name.lastIndexOf(':') <= name.lastIndexOf('/') ? `${name}:latest` : name);

interface State {
  /** Images of the pod that some node has, with their size scaled by how many nodes have them. */
  readonly images: readonly { readonly image: ImageState; readonly scaled: number }[];
  readonly containers: number;
}

function imageNames(info: PodInfo): string[] {
  const names = [...(info.spec.initContainers ?? []), ...info.spec.containers].map((c) => c.image ?? '');
  for (const volume of info.spec.volumes ?? []) if (volume.image) names.push(volume.image.reference ?? '');
  return names;
}

/** Prefers nodes that have the pod's images; images that few nodes have count less. */
export const imageLocality: PluginFactory = {
  name: 'ImageLocality',
  create: (_args, { snapshot }) =>
    plugin<undefined, State>({
      name: 'ImageLocality',
      prepareScore: (info) => {
        const images = [];
        for (const name of imageNames(info)) {
          const image = snapshot.images.get(normalizedImageName(name));
          if (image) images.push({ image, scaled: Math.trunc(image.sizeBytes * (image.nodes.size / snapshot.size)) });
        }
        return { images, containers: (info.spec.initContainers?.length ?? 0) + info.spec.containers.length };
      },
      scoreScope: 'cluster',
      uniformScore: (state) => (state.images.length ? undefined : 0),
      score: (state, _info, node) => {
        let sum = 0;
        for (const { image, scaled } of state.images) if (image.nodes.has(node)) sum += scaled;
        const maxThreshold = maxContainerThreshold * state.containers;
        const bounded = Math.min(Math.max(sum, minThreshold), maxThreshold);
        return divide(maxNodeScore * (bounded - minThreshold), maxThreshold - minThreshold);
      },
    }),
};
