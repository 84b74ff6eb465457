import type { PersistentVolumeClaim, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { CSINode, VolumeAttachment } from '@pilothouse/api-schemas/types/storage/v1';
import { plugin, type PluginFactory, type PluginHandle } from '../../contract.ts';
import { Action } from '../../events/cluster-event.ts';
import { skip, unresolvable, unschedulable, type Verdict, failure } from '../../verdict.ts';
import { claimName, missing, notOwned } from '../../volumes/storage.ts';
import { usesClaim } from '../volume-binding/volume-binding.ts';
import { claimedVolume, inlineDriver, inlineVolume, isInlineMigratable } from './drivers.ts';

const exceeded = unschedulable('node(s) exceed max volume count');

/** Attached volumes as `driver/handle` → driver. */
type Volumes = Map<string, string>;

function collect(pod: Pod, csiNode: CSINode | undefined, isNew: boolean, { objects }: PluginHandle, into: Volumes): Verdict | undefined {
  for (const volume of pod.spec?.volumes ?? []) {
    const named = claimName(pod, volume);
    let attached = named ? undefined : inlineVolume(volume, csiNode);
    if (named) {
      if (!named.name) return failure('PersistentVolumeClaim had no name');
      const claim = objects.persistentVolumeClaims.get(`${pod.metadata.namespace}/${named.name}`);
      if (!claim) {
        if (isNew) return unresolvable(`looking up PVC ${pod.metadata.namespace}/${named.name}: ${missing('persistentvolumeclaim', named.name)}`);
        continue;
      }
      const foreign = named.ephemeral ? notOwned(pod, claim) : undefined;
      if (foreign) return failure(foreign);
      attached = claimedVolume(claim, csiNode, objects);
    }
    if (attached) into.set(`${attached.driver}/${attached.handle}`, attached.driver);
  }
  return undefined;
}

function limitsOf(csiNode: CSINode | undefined): Map<string, number> {
  const limits = new Map<string, number>();
  for (const driver of csiNode?.spec.drivers ?? []) if (driver.allocatable?.count !== undefined) limits.set(driver.name, driver.allocatable.count);
  return limits;
}

/** Whether the driver wants its pods kept off nodes that lack it, and this one does. */
function lacksDriver(driver: string, csiNode: CSINode | undefined, { objects }: PluginHandle): boolean {
  const spec = objects.csiDrivers.get(driver)?.spec as { preventPodSchedulingIfMissing?: boolean } | undefined;
  return Boolean(spec?.preventPodSchedulingIfMissing) && !csiNode?.spec.drivers.some((d) => d.name === driver);
}

/** Rejects nodes that would have more volumes of a CSI driver attached than its CSINode allows. */
export const nodeVolumeLimits: PluginFactory = {
  name: 'NodeVolumeLimits',
  create: (_args, handle) => {
    const { snapshot, objects, features } = handle;

    function attachmentsByNode(): Map<string, VolumeAttachment[]> {
      const byNode = new Map<string, VolumeAttachment[]>();
      for (const attachment of objects.volumeAttachments.list()) {
        const list = byNode.get(attachment.spec.nodeName);
        if (list) list.push(attachment);
        else byNode.set(attachment.spec.nodeName, [attachment]);
      }
      return byNode;
    }

    /** Volumes attached to the node, whether or not a pod there still uses them. */
    function attachedTo(list: readonly VolumeAttachment[] | undefined): Volumes {
      const found: Volumes = new Map();
      for (const attachment of list ?? []) {
        if (!attachment.spec.attacher) continue;
        const volume = attachment.spec.source.persistentVolumeName ? objects.persistentVolumes.get(attachment.spec.source.persistentVolumeName) : undefined;
        if (volume?.spec?.csi) found.set(`${attachment.spec.attacher}/${volume.spec.csi.volumeHandle}`, attachment.spec.attacher);
      }
      return found;
    }

    return plugin<ReadonlyMap<string, readonly VolumeAttachment[]>>({
      name: 'NodeVolumeLimits',
      preFilter: (info) => ((info.spec.volumes ?? []).some((v) => v.persistentVolumeClaim || v.ephemeral || isInlineMigratable(v)) ? { state: attachmentsByNode() } : skip),
      filterScope: 'cluster',
      filter: (byNode, info, node) => {
        const csiNode = objects.csiNodes.get(snapshot.names[node]);
        const wanted: Volumes = new Map();
        const wrong = collect(info.pod, csiNode, true, handle, wanted);
        if (wrong || !wanted.size) return wrong;
        if (features.VolumeLimitScaling) {
          for (const driver of wanted.values()) if (lacksDriver(driver, csiNode, handle)) return unschedulable(`${driver} CSI driver is not installed on the node`);
        }
        const limits = limitsOf(csiNode);
        if (!limits.size) return undefined;
        const attached: Volumes = new Map();
        for (const pod of snapshot.pods[node]) {
          const failed = collect(pod.pod, csiNode, false, handle, attached);
          if (failed) return failed;
        }
        const used = new Map<string, number>();
        const count = (counts: Map<string, number>, driver: string) => void counts.set(driver, (counts.get(driver) ?? 0) + 1);
        for (const [name, driver] of attached) {
          wanted.delete(name);
          count(used, driver);
        }
        for (const [name, driver] of attachedTo(byNode.get(snapshot.names[node]))) if (!attached.has(name)) count(used, driver);
        const more = new Map<string, number>();
        for (const driver of wanted.values()) count(more, driver);
        for (const [driver, number] of more) if (limits.has(driver) && (used.get(driver) ?? 0) + number > limits.get(driver)!) return exceeded;
        return undefined;
      },
      events: [
        { resource: 'storage.k8s.io/CSINode', action: Action.Add },
        { resource: 'storage.k8s.io/CSINode', action: Action.Update, hint: afterLimits },
        {
          resource: 'Pod',
          action: Action.Delete,
          hint: (_pod, old?: Pod) => Boolean(old!.spec?.nodeName || old!.status?.nominatedNodeName) && (old!.spec?.volumes ?? []).some((v) => v.persistentVolumeClaim || v.ephemeral || isInlineMigratable(v)),
        },
        { resource: 'PersistentVolumeClaim', action: Action.Add, hint: (pod, _old, now?: PersistentVolumeClaim) => usesClaim(pod, now!, true) },
        {
          resource: 'storage.k8s.io/VolumeAttachment',
          action: Action.Delete,
          hint: (pod, old?: VolumeAttachment) => (pod.spec.volumes ?? []).some((v) => v.persistentVolumeClaim || (isInlineMigratable(v) && inlineDriver(v) === old!.spec.attacher)),
        },
      ],
    });
  },
};

function afterLimits(_pod: unknown, old?: CSINode, now?: CSINode): boolean {
  const before = new Map((old!.spec.drivers ?? []).map((d) => [d.name, d.allocatable?.count ?? 0]));
  return (now!.spec.drivers ?? []).some((d) => (d.allocatable?.count ?? 0) > (before.get(d.name) ?? 0));
}
