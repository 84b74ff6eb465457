import { join } from 'node:path';
import { messageOf } from '@pilothouse/base';
import type { Node, PersistentVolume, PersistentVolumeClaim } from '@pilothouse/api-schemas/types/core/v1';
import { isAlreadyExists, isNotFound, keyOf, nodes, persistentVolumeClaims, persistentVolumes, storageClasses } from '@pilothouse/apimachinery';
import { referenceTo } from '@pilothouse/client';
import { type ControllerContext, defineController, done, nodeCondition, readOnly } from '@pilothouse/controller-runtime';
import { selectedNode } from '../volume/persistentvolume/provision.ts';
import { classOf } from '../volume/persistentvolume/match.ts';
import { makeDirectory, removeDirectory } from './directories.ts';
import { fateOf, finalizer, isSimulated, nodeOf, provisionedBy, provisioner, unsupported, volumeFor, volumeName } from './plan.ts';

const asked = (claim: PersistentVolumeClaim): boolean => !claim.spec?.volumeName && ['volume.kubernetes.io/storage-provisioner', 'volume.beta.kubernetes.io/storage-provisioner'].some((name) => claim.metadata.annotations?.[name] === provisioner);
const ours = (volume: PersistentVolume): boolean => volume.metadata.annotations?.[provisionedBy] === provisioner;
const claimKey = (key: string): string => `claim:${key}`;

/** Where directories of volumes are, on every node: `--hostpath-provisioner-directory`. */
const baseOf = ({ flags }: ControllerContext): string => (typeof flags['hostpath-provisioner-directory'] === 'string' ? flags['hostpath-provisioner-directory'] : '/var/lib/pilothouse/volumes');

/**
 * Whether the directory of a node is for this process to see to: it runs on that node's machine
 * (`--hostpath-provisioner-node`), or the node has no directories. Other nodes have a process of their own for that.
 */
const inReach = (node: Node, { flags }: ControllerContext): boolean => isSimulated(node) || node.metadata.name === flags['hostpath-provisioner-node'];

/**
 * Makes volumes of class provisioner `pilothouse.dev/hostpath`: directories on the node that the scheduler chose for the
 * claim's first pod. Not one of Kubernetes' controllers: it stands where a driver's external provisioner would.
 */
export const hostPathProvisionerController = defineController({
  name: 'hostpath-provisioner-controller',
  serviceAccount: 'hostpath-provisioner',
  eventSource: provisioner,
  disabledByDefault: true,
  watches: [
    { type: persistentVolumeClaims, keys: (claim, { deleted }) => (!deleted && asked(claim) ? [claimKey(keyOf(claim))] : []) },
    { type: persistentVolumes, keys: (volume, { deleted }) => (!deleted && ours(volume) && fateOf(volume) !== 'stays' ? [`volume:${volume.metadata.name}`] : []) },
    readOnly(storageClasses),
    readOnly(nodes),
  ],
  async reconcile(key, context) {
    const [kind, name] = [key.slice(0, key.indexOf(':')), key.slice(key.indexOf(':') + 1)];
    if (kind === 'claim') {
      const claim = context.lister(persistentVolumeClaims).get(name);
      if (claim && asked(claim) && !claim.metadata.deletionTimestamp) await provision(claim, context);
    } else {
      const volume = context.lister(persistentVolumes).get(name);
      if (volume && ours(volume)) await reclaim(volume, context);
    }
    return done;
  },
});

async function provision(claim: PersistentVolumeClaim, context: ControllerContext): Promise<void> {
  const { client, lister, recorder, signal } = context;
  const storageClass = lister(storageClasses).get(classOf(claim));
  if (storageClass?.provisioner !== provisioner || lister(persistentVolumes).get(volumeName(claim))) return;
  const about = referenceTo(persistentVolumeClaims, claim);
  const fail = (message: string) => recorder.event(about, 'Warning', 'ProvisioningFailed', `failed to provision volume with StorageClass ${JSON.stringify(storageClass.metadata.name)}: ${message}`);
  const problem = unsupported(claim);
  if (problem) return fail(problem);
  const chosen = claim.metadata.annotations?.[selectedNode];
  if (chosen === undefined && storageClass.volumeBindingMode === 'WaitForFirstConsumer') return;
  const node = chosen === undefined ? anyNode(context) : lister(nodes).get(chosen);
  if (!node) {
    // Also a word to the scheduler, which chose the node, to choose another.
    fail(chosen === undefined ? 'no node is ready' : `node ${JSON.stringify(chosen)} not found`);
    if (chosen !== undefined) await client.patch(persistentVolumeClaims, claim.metadata.name!, { metadata: { annotations: { [selectedNode]: null } } }, { namespace: claim.metadata.namespace, signal });
    return;
  }
  if (!inReach(node, context)) return;
  recorder.event(about, 'Normal', 'Provisioning', `External provisioner is provisioning volume for claim ${JSON.stringify(keyOf(claim))}`);
  const directory = join(baseOf(context), volumeName(claim));
  try {
    if (!isSimulated(node)) await makeDirectory(directory);
    await client.create(persistentVolumes, volumeFor(claim, storageClass, node, directory), { signal });
  } catch (error) {
    if (isAlreadyExists(error)) return;
    if (!signal.aborted) fail(messageOf(error));
    throw error;
  }
  recorder.event(about, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${volumeName(claim)}`);
}

/** For a class that does not wait for a pod: a ready node whose directories can be reached, the machine's own before others. */
function anyNode(context: ControllerContext): Node | undefined {
  const ready = context.lister(nodes).list().filter((node) => nodeCondition(node, 'Ready')?.status === 'True' && !node.spec?.unschedulable && inReach(node, context));
  return ready.find((node) => !isSimulated(node)) ?? ready[0];
}

async function reclaim(volume: PersistentVolume, context: ControllerContext): Promise<void> {
  const { client, lister, recorder, signal } = context;
  const fate = fateOf(volume);
  if (fate === 'stays') return;
  if (fate === 'remove') {
    const node = nodeOf(volume, lister(nodes).list());
    // With a node that is gone, its directories are gone too.
    if (node && !inReach(node, context)) return;
    try {
      if (node && !isSimulated(node)) await removeDirectory(volume.spec!.hostPath!.path, baseOf(context));
    } catch (error) {
      recorder.event(referenceTo(persistentVolumes, volume), 'Warning', 'VolumeFailedDelete', messageOf(error));
      throw error;
    }
    if (!volume.metadata.deletionTimestamp) await client.delete(persistentVolumes, volume.metadata.name!, { preconditions: { uid: volume.metadata.uid }, signal }).catch(absent);
  }
  const latest = await client.get(persistentVolumes, volume.metadata.name!, { signal }).catch(absent);
  if (latest?.metadata.uid !== volume.metadata.uid || !latest?.metadata.finalizers?.includes(finalizer)) return;
  await client.update(persistentVolumes, { ...latest, metadata: { ...latest.metadata, finalizers: latest.metadata.finalizers.filter((name) => name !== finalizer) } }, { signal }).catch(absent);
}

function absent(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}
