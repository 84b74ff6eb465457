import type { KubeObject } from '@pilothouse/apimachinery';
import { type Lesson, nodeOf, podObject } from './lesson.ts';

const patient = (pod: KubeObject, spec: Record<string, unknown>) => ({ ...pod, spec: { ...(pod as KubeObject & { spec: object }).spec, ...spec } }) as KubeObject;

export const clinic: Lesson = {
  id: 'clinic',
  title: 'Why-pending clinic',
  about: 'Four pods are pending, each for another reason. Find it, and mend it.',
  nodes: [
    { name: 'a', labels: { disk: 'hdd' } },
    { name: 'b', labels: { disk: 'hdd' }, taints: [{ key: 'maintenance', effect: 'NoSchedule' }] },
  ],
  objects: (at) => [
    podObject(at, 'neighbour', { cpu: '2', memory: '1Gi', node: 'a' }),
    patient(podObject(at, 'patient-1', { cpu: '500m' }), { nodeSelector: { 'lab.pilothouse.dev/lesson': at.namespace, disk: 'ssd' } }),
    podObject(at, 'patient-2', { cpu: '3' }),
    patient(podObject(at, 'patient-3', { cpu: '100m' }), { schedulingGates: [{ name: 'example.com/forgotten' }] }),
    patient(podObject(at, 'patient-4', { cpu: '100m' }), { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'lost' } }] }),
  ],
  steps: [
    {
      title: 'First patient',
      text: ['Choose patient-1 in the unschedulable lane and read the matrix. Mend the cluster, not the pod: one label will do.', 'The panel What if can try a change before you make it.'],
      actions: [{ kind: 'whatif', title: 'Ask what would help', pod: 'patient-1' }, { kind: 'patchNode', title: 'Label node a disk=ssd', node: 'a', patch: () => ({ metadata: { labels: { disk: 'ssd' } } }), kubectl: (at) => `kubectl label node ${at.node('a')} disk=ssd --overwrite` }],
      goal: 'patient-1 is on a node',
      check: (state) => nodeOf(state, 'patient-1') !== '',
    },
    {
      title: 'Second patient',
      text: ['patient-2 wants three cores. There are two ways to make room, one gentle, one not.'],
      question: { text: 'What says no on node b?', options: ['NodeResourcesFit', 'TaintToleration', 'NodeName'], right: 1, why: 'b is empty, but under maintenance: it has a taint.' },
      actions: [
        { kind: 'patchNode', title: 'End the maintenance of b', node: 'b', patch: (at) => ({ spec: { taints: [{ key: 'lab.pilothouse.dev/lesson', value: at.namespace, effect: 'NoSchedule' }] } }), kubectl: (at) => `kubectl taint node ${at.node('b')} maintenance:NoSchedule-` },
        { kind: 'deletePod', title: 'Send the neighbour away', pod: 'neighbour' },
      ],
      goal: 'patient-2 is on a node',
      check: (state) => nodeOf(state, 'patient-2') !== '',
    },
    {
      title: 'Third patient',
      text: ['patient-3 asks for almost nothing, and has no attempt at all. Which lane is it in?'],
      actions: [{ kind: 'patchPod', title: 'Remove the forgotten gate', pod: 'patient-3', patch: () => ({ spec: { schedulingGates: [] } }), kubectl: (at) => `kubectl -n ${at.namespace} patch pod patient-3 --type=merge -p '{"spec":{"schedulingGates":[]}}'` }],
      goal: 'patient-3 is on a node',
      check: (state) => nodeOf(state, 'patient-3') !== '',
    },
    {
      title: 'Fourth patient',
      text: ['patient-4 never came as far as the nodes: a PreFilter plugin ended the attempt. Read its reason, then give the pod what it lost.'],
      actions: [{
        kind: 'create', title: 'Create the claim lost',
        yaml: (at) => `apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: lost
  namespace: ${at.namespace}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: ${at.namespace}-disks
  resources:
    requests: {storage: 1Gi}
`,
      }],
      goal: 'patient-4 is on a node',
      check: (state) => nodeOf(state, 'patient-4') !== '',
    },
  ],
  clusterObjects: (at) => [
    { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: `${at.namespace}-disks` }, provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' } as KubeObject,
    {
      apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: `${at.namespace}-disk` },
      spec: { capacity: { storage: '2Gi' }, accessModes: ['ReadWriteOnce'], persistentVolumeReclaimPolicy: 'Retain', storageClassName: `${at.namespace}-disks`, local: { path: '/mnt/lesson' }, nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'lab.pilothouse.dev/lesson', operator: 'In', values: [at.namespace] }] }] } } },
    } as KubeObject,
  ],
};
