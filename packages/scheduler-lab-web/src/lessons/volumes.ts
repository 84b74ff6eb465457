import type { KubeObject } from '@pilothouse/apimachinery';
import { isPending, type Lesson, nodeOf, podYaml, type Where } from './lesson.ts';

const zone = 'topology.kubernetes.io/zone';
const storageClass = (at: Where) => `${at.namespace}-disks`;

const volume = (at: Where, zoneName: string) =>
  ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `${at.namespace}-${zoneName}`, labels: { [zone]: zoneName } },
    spec: {
      capacity: { storage: '10Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: storageClass(at),
      local: { path: '/mnt/lesson' },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: zone, operator: 'In', values: [zoneName] }] }] } },
    },
  }) as KubeObject;

const claim = (at: Where, name: string) =>
  ({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name, namespace: at.namespace }, spec: { accessModes: ['ReadWriteOnce'], storageClassName: storageClass(at), resources: { requests: { storage: '5Gi' } } } }) as KubeObject;

const withVolume = (claimName: string) => `  volumes:
  - name: data
    persistentVolumeClaim: {claimName: ${claimName}}`;

export const volumes: Lesson = {
  id: 'volumes',
  title: 'Volumes and zones',
  about: 'A pod goes where its disk is; and a disk is chosen where the pod can go.',
  nodes: [{ name: 'a', labels: { [zone]: 'north' }, cpu: 1 }, { name: 'b', labels: { [zone]: 'south' } }],
  clusterObjects: (at) => [
    { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: storageClass(at) }, provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' } as KubeObject,
    volume(at, 'north'),
    volume(at, 'south'),
  ],
  objects: (at) => [claim(at, 'data'), claim(at, 'more'), claim(at, 'third')],
  steps: [
    {
      title: 'A claim that waits',
      text: [
        'There are two disks, one in the zone north, one in south, and three claims. The storage class says `WaitForFirstConsumer`: a claim is bound only when a pod that uses it is scheduled.',
        'This pod wants two cores. Only b, in south, has so many.',
      ],
      question: { text: 'Which disk will its claim get?', options: ['The one in north: it comes first', 'The one in south'], right: 1, why: 'VolumeBinding looks for a disk on each node that is otherwise possible, so pod and disk are chosen together.' },
      actions: [{ kind: 'create', title: 'Create the pod database', yaml: (at) => podYaml(at, 'database', { cpu: '2', spec: withVolume('data') }) }],
      goal: 'the pod database is on b',
      check: (state) => nodeOf(state, 'database') === 'b',
    },
    {
      title: 'The disk decides',
      text: ['The disk in south is taken. The next pod is small and would rather go to b, where more is free; but the only disk left is in north.'],
      actions: [{ kind: 'create', title: 'Create the pod archive', yaml: (at) => podYaml(at, 'archive', { spec: withVolume('more') }) }],
      goal: 'the pod archive is on a',
      check: (state) => nodeOf(state, 'archive') === 'a',
    },
    {
      title: 'No disk left',
      text: ['The third claim finds none. See in the matrix who says no, and with which reason.'],
      actions: [{ kind: 'create', title: 'Create the pod unlucky', yaml: (at) => podYaml(at, 'unlucky', { spec: withVolume('third') }) }],
      goal: 'the pod unlucky was tried and found no node',
      check: (state) => isPending(state, 'unlucky'),
    },
    {
      title: 'A disk does not move',
      text: ['Delete the pod database and create it again with half a core. It would fit on either node by cpu.'],
      question: { text: 'Where will it go?', options: ['Back to b, where its disk is', 'To the emptier node'], right: 0, why: 'Its claim is bound now, and the disk\'s node affinity names the zone south.' },
      actions: [{ kind: 'deletePod', title: 'Delete the pod database', pod: 'database' }, { kind: 'create', title: 'Create it again', yaml: (at) => podYaml(at, 'database', { spec: withVolume('data') }) }],
      goal: 'the pod database, now with half a core, is on b again',
      check: (state) => nodeOf(state, 'database') === 'b' && state.pods.get('database')?.spec?.containers[0].resources?.requests?.cpu === '500m',
    },
  ],
};
