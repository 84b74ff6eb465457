import { messageOf } from '@pilothouse/base';
import type { Deployment, DeploymentStatus, ReplicaSet } from '@pilothouse/api-schemas/types/apps/v1';
import { controllerOf, deployments, isAlreadyExists, isNotFound, keyOf, pods, replicaSets } from '@pilothouse/apimachinery';
import { clone, referenceTo } from '@pilothouse/client';
import { claimChildren, type ControllerContext, controllerIn, controllerReference, defineController, done, isNamespaceTerminating, isPodTerminal, itself, orphansByNamespace, ownedBy, ownedOrOrphaned, requeueAfter, type Result, selectorOf, semanticallyEqual, type Watch } from '@pilothouse/controller-runtime';
import { byRevision, desiredReplicasAnnotation, findNew, hashLabel, lacksSizeAnnotations, lastRevision, maxRevision, newReplicaSetAnnotations, newReplicaSetIdentity, revisionAnnotation, revisionOf, rollbackAnnotation, rolledBackAnnotations, sameTemplate, sizeAnnotationOf, sizeAnnotations, templateForRollback } from './revision.ts';
import { isActive, isRollingUpdate, newReplicas, replicasOf, type Resize, scaleSizes, shrinkOld, sum, surplusHistory } from './sizes.ts';
import { baseStatus, condition, conditionOf, hasProgressDeadline, isComplete, progressCheckMs, reasons, rolloutStatus, withCondition } from './status.ts';

/** Rolls Deployments out through ReplicaSets. @see https://kubernetes.io/docs/concepts/workloads/controllers/deployment/ */
export const deploymentController = defineController({
  name: 'deployment-controller',
  aliases: ['deployment'],
  serviceAccount: 'deployment-controller',
  watches: [
    itself(deployments),
    ownedBy(deployments, replicaSets, { selector: (deployment) => selectorOf(deployment.spec?.selector), indexes: orphansByNamespace }) as Watch,
    {
      // Recreate waits for the last old pod.
      type: pods,
      *keys(pod, { deleted }, context) {
        const replicaSet = deleted && controllerIn(context.lister(replicaSets), replicaSets, pod);
        const deployment = replicaSet && controllerIn(context.lister(deployments), deployments, replicaSet);
        if (deployment && !isRollingUpdate(deployment)) yield keyOf(deployment);
      },
    },
  ],
  async reconcile(key, context) {
    const cached = context.lister(deployments).get(key);
    if (!cached) return done;
    return new Rollout(clone(cached), context).sync();
  },
});

/** One look at one Deployment. `deployment` is a copy that is changed along the way, as what was written becomes known. */
class Rollout {
  readonly #context: ControllerContext;
  #deployment: Deployment;

  constructor(deployment: Deployment, context: ControllerContext) {
    this.#deployment = deployment;
    this.#context = context;
  }

  async sync(): Promise<Result> {
    const d = this.#deployment;
    const { client, recorder, lister, signal } = this.#context;
    if (semanticallyEqual(d.spec?.selector, {})) {
      recorder.event(referenceTo(deployments, d), 'Warning', 'SelectingAll', 'This deployment is selecting all pods. A non-empty selector is required.');
      if ((d.status?.observedGeneration ?? 0) < (d.metadata.generation ?? 0)) await this.#writeStatus({ ...d.status, observedGeneration: d.metadata.generation });
      return done;
    }
    const selector = selectorOf(d.spec?.selector);
    const owned = await claimChildren(ownedOrOrphaned(lister(replicaSets), d), { client, ownerType: deployments, owner: d, childType: replicaSets, matches: (rs) => selector.matches(rs.metadata.labels), signal });
    if (d.metadata.deletionTimestamp) {
      const { newest, all } = await this.#replicaSets(owned, false);
      return this.#syncStatus(all, newest);
    }
    await this.#notePause();
    if (d.spec?.paused) return this.#scale(owned);
    const rollbackTo = d.metadata.annotations?.[rollbackAnnotation] ?? '';
    if (/^-?[0-9]+$/.test(rollbackTo)) return this.#rollback(owned, Number(rollbackTo));
    if (await this.#wasScaled(owned)) return this.#scale(owned);
    switch (d.spec?.strategy?.type) {
      case 'Recreate':
        return this.#recreate(owned);
      case 'RollingUpdate':
        return this.#rollingUpdate(owned);
      default:
        throw new Error(`unexpected deployment strategy type: ${d.spec?.strategy?.type}`);
    }
  }

  async #rollingUpdate(owned: readonly ReplicaSet[]): Promise<Result> {
    const d = this.#deployment;
    const { newest, old, all } = await this.#replicaSets(owned, true);
    const wanted = replicasOf(newest!) > replicasOf(d) ? replicasOf(d) : newReplicas(d, replicasOf(newest!), sum(all, replicasOf));
    if (replicasOf(newest!) !== replicasOf(d) && wanted !== replicasOf(newest!)) {
      const scaled = await this.#resize({ replicaSet: newest!, to: wanted }, false);
      return this.#syncRollout([...old, scaled], scaled);
    }
    const shrink = shrinkOld(d, old, newest!);
    if (shrink.length) {
      try {
        for (const resize of shrink) await this.#resize(resize, false);
      } catch (error) {
        // The rest of the status is still worth reporting; the change of the replica set brings us back.
        this.#context.log.debug('Scaling an old replica set down failed', { deployment: keyOf(d), reason: messageOf(error) });
        this.#context.enqueueAfter(keyOf(d), 1000);
      }
      return this.#syncRollout(all, newest);
    }
    if (isComplete(d, d.status)) await this.#dropHistory(old);
    return this.#syncRollout(all, newest);
  }

  async #recreate(owned: readonly ReplicaSet[]): Promise<Result> {
    const d = this.#deployment;
    let { newest, old, all } = await this.#replicaSets(owned, false);
    const active = old.filter(isActive);
    if (active.length) {
      for (const replicaSet of active) await this.#resize({ replicaSet, to: 0 }, false);
      return this.#syncRollout(all, newest);
    }
    if (this.#oldPodsRun(owned, old, newest)) return this.#syncRollout(all, newest);
    if (!newest) ({ newest, old, all } = await this.#replicaSets(owned, true));
    if (replicasOf(newest!) !== replicasOf(d)) {
      const scaled = await this.#resize({ replicaSet: newest!, to: replicasOf(d) }, false);
      all = [...old, scaled];
      newest = scaled;
    }
    if (isComplete(d, d.status)) await this.#dropHistory(old);
    return this.#syncRollout(all, newest);
  }

  #oldPodsRun(owned: readonly ReplicaSet[], old: readonly ReplicaSet[], newest: ReplicaSet | undefined): boolean {
    if (sum(old, (rs) => rs.status?.replicas ?? 0) > 0) return true;
    const lister = this.#context.lister(pods);
    return owned.some((rs) => rs.metadata.uid !== newest?.metadata.uid && lister.ownedBy(rs.metadata.uid!).some((pod) => !isPodTerminal(pod)));
  }

  /** Sizes after the Deployment was scaled or while it is paused, when nothing is rolled out. */
  async #scale(owned: readonly ReplicaSet[]): Promise<Result> {
    const d = this.#deployment;
    const { newest, old } = await this.#replicaSets(owned, false);
    const { resizes, annotate } = scaleSizes(d, newest, old);
    const written = new Map<ReplicaSet, ReplicaSet>();
    for (const resize of resizes) written.set(resize.replicaSet, await this.#resize(resize, annotate));
    if (d.spec?.paused && !d.metadata.annotations?.[rollbackAnnotation]) await this.#dropHistory(old);
    const current = (rs: ReplicaSet) => written.get(rs) ?? rs;
    const latest = newest && current(newest);
    return this.#syncStatus([...old.map(current), ...(latest ? [latest] : [])], latest);
  }

  async #wasScaled(owned: readonly ReplicaSet[]): Promise<boolean> {
    const { all } = await this.#replicaSets(owned, false);
    return all.filter(isActive).some((rs) => {
      const desired = sizeAnnotationOf(rs, desiredReplicasAnnotation);
      return desired !== undefined && desired !== replicasOf(this.#deployment);
    });
  }

  /** The replica sets, the newest brought up to date with the Deployment's annotations and revision, or created. */
  async #replicaSets(owned: readonly ReplicaSet[], create: boolean): Promise<{ newest: ReplicaSet | undefined; old: ReplicaSet[]; all: ReplicaSet[] }> {
    const existing = findNew(this.#deployment, owned);
    const old = owned.filter((rs) => rs.metadata.uid !== existing?.metadata.uid);
    const revision = maxRevision(old) + 1;
    const newest = existing ? await this.#adjustNewest(existing, revision) : create ? await this.#createNewest(old, revision) : undefined;
    return { newest, old, all: newest ? [...old, newest] : old };
  }

  async #adjustNewest(existing: ReplicaSet, revision: number): Promise<ReplicaSet> {
    const d = this.#deployment;
    const annotations = newReplicaSetAnnotations(d, existing.metadata.annotations, { revision, creating: false });
    const minReadySeconds = d.spec?.minReadySeconds ?? 0;
    if (!semanticallyEqual(annotations, existing.metadata.annotations) || (existing.spec?.minReadySeconds ?? 0) !== minReadySeconds) {
      return this.#context.client.update(replicaSets, { ...existing, metadata: { ...existing.metadata, annotations }, spec: { ...existing.spec!, minReadySeconds } }, { signal: this.#context.signal });
    }
    let status = d.status;
    if (hasProgressDeadline(d) && !conditionOf(status, 'Progressing')) {
      status = { ...status, conditions: withCondition(status?.conditions, condition('Progressing', 'True', reasons.found, `Found new replica set ${JSON.stringify(existing.metadata.name)}`, this.#context.clock.now())) };
    }
    await this.#noteRevision(annotations[revisionAnnotation], status);
    return existing;
  }

  async #createNewest(old: readonly ReplicaSet[], revision: number): Promise<ReplicaSet> {
    const d = this.#deployment;
    const { client, clock, recorder, lister, signal } = this.#context;
    const { name, hash } = newReplicaSetIdentity(d);
    const template = clone(d.spec!.template!);
    template.metadata = { ...template.metadata, labels: { ...template.metadata?.labels, [hashLabel]: hash } };
    const replicas = newReplicas(d, 0, sum(old, replicasOf));
    const wanted: ReplicaSet = {
      metadata: { name, namespace: d.metadata.namespace, labels: template.metadata.labels, annotations: newReplicaSetAnnotations(d, undefined, { revision, creating: true }), ownerReferences: [controllerReference(deployments, d)] },
      spec: { replicas, minReadySeconds: d.spec?.minReadySeconds, selector: { ...d.spec!.selector, matchLabels: { ...d.spec!.selector!.matchLabels, [hashLabel]: hash } }, template },
    };
    let created: ReplicaSet;
    let status = d.status;
    try {
      created = await client.create(replicaSets, wanted, { signal });
      if (replicas > 0) this.#event('Normal', 'ScalingReplicaSet', `Scaled up replica set ${name} from 0 to ${replicas}`);
      if (hasProgressDeadline(d)) status = { ...status, conditions: withCondition(status?.conditions, condition('Progressing', 'True', reasons.created, `Created new replica set ${JSON.stringify(name)}`, clock.now())) };
    } catch (error) {
      if (isAlreadyExists(error)) {
        const other = lister(replicaSets).get(`${d.metadata.namespace}/${name}`);
        if (!other) throw error;
        if (controllerOf(other)?.uid !== d.metadata.uid || !sameTemplate(other.spec?.template, d.spec?.template)) {
          // Another template of the same hash: the next attempt hashes the count as well.
          await this.#writeStatus({ ...d.status, collisionCount: (d.status?.collisionCount ?? 0) + 1 });
          throw error;
        }
        created = other;
      } else {
        if (isNamespaceTerminating(error)) throw error;
        const message = `Failed to create new replica set ${JSON.stringify(name)}: ${messageOf(error)}`;
        if (hasProgressDeadline(d)) await this.#writeStatus({ ...status, conditions: withCondition(status?.conditions, condition('Progressing', 'False', reasons.createError, message, clock.now())) }).catch(() => undefined);
        recorder.event(referenceTo(deployments, d), 'Warning', reasons.createError, message);
        throw error;
      }
    }
    await this.#noteRevision(String(revision), status);
    return created;
  }

  /** Writes the revision annotation and the status together, where either changed. */
  async #noteRevision(revision: string | undefined, status: DeploymentStatus | undefined): Promise<void> {
    const d = this.#deployment;
    if (d.metadata.annotations?.[revisionAnnotation] === revision && status === d.status) return;
    d.metadata.annotations = { ...d.metadata.annotations, ...(revision !== undefined && { [revisionAnnotation]: revision }) };
    await this.#writeStatus(status ?? {});
  }

  async #resize({ replicaSet, to }: Resize, annotate: boolean): Promise<ReplicaSet> {
    const d = this.#deployment;
    const from = replicasOf(replicaSet);
    if (from === to && !(annotate && lacksSizeAnnotations(d, replicaSet))) return replicaSet;
    const written = await this.#context.client.update(
      replicaSets,
      { ...replicaSet, metadata: { ...replicaSet.metadata, annotations: { ...replicaSet.metadata.annotations, ...sizeAnnotations(d) } }, spec: { ...replicaSet.spec!, replicas: to } },
      { signal: this.#context.signal },
    );
    if (from !== to) this.#event('Normal', 'ScalingReplicaSet', `Scaled ${from < to ? 'up' : 'down'} replica set ${replicaSet.metadata.name} from ${from} to ${to}`);
    return written;
  }

  async #dropHistory(old: readonly ReplicaSet[]): Promise<void> {
    const { client, signal } = this.#context;
    for (const rs of surplusHistory(this.#deployment, [...old].sort(byRevision))) {
      await client.delete(replicaSets, rs.metadata.name!, { namespace: rs.metadata.namespace, signal }).catch((error) => {
        if (!isNotFound(error)) throw error;
      });
    }
  }

  /** Pausing and resuming are noted, so that time spent paused is not held against progress. */
  async #notePause(): Promise<void> {
    const d = this.#deployment;
    const progressing = conditionOf(d.status, 'Progressing');
    if (!hasProgressDeadline(d) || progressing?.reason === reasons.timedOut) return;
    const noted = progressing?.reason === reasons.paused;
    if (!!d.spec?.paused === noted) return;
    const change = d.spec?.paused ? condition('Progressing', 'Unknown', reasons.paused, 'Deployment is paused', this.#context.clock.now()) : condition('Progressing', 'Unknown', reasons.resumed, 'Deployment is resumed', this.#context.clock.now());
    await this.#writeStatus({ ...d.status, conditions: withCondition(d.status?.conditions, change) });
  }

  async #rollback(owned: readonly ReplicaSet[], to: number): Promise<Result> {
    const { all } = await this.#replicaSets(owned, true);
    const d = this.#deployment;
    const revision = to || lastRevision(all);
    const target = revision ? all.find((rs) => revisionOf(rs) === revision) : undefined;
    const { [rollbackAnnotation]: _, ...annotations } = d.metadata.annotations ?? {};
    let next: Deployment = { ...d, metadata: { ...d.metadata, annotations } };
    let rolledBack = false;
    if (!revision) this.#event('Warning', 'DeploymentRollbackRevisionNotFound', 'Unable to find last revision.');
    else if (!target) this.#event('Warning', 'DeploymentRollbackRevisionNotFound', 'Unable to find the revision to rollback to.');
    else if (sameTemplate(d.spec?.template, target.spec?.template)) this.#event('Warning', 'DeploymentRollbackTemplateUnchanged', `The rollback revision contains the same template as current deployment ${JSON.stringify(d.metadata.name)}`);
    else {
      next = { ...next, metadata: { ...next.metadata, annotations: rolledBackAnnotations(next, target) }, spec: { ...d.spec!, template: templateForRollback(target) } };
      rolledBack = true;
    }
    await this.#context.client.update(deployments, next, { signal: this.#context.signal });
    if (rolledBack) this.#event('Normal', 'DeploymentRollback', `Rolled back deployment ${JSON.stringify(d.metadata.name)} to revision ${revision}`);
    return done;
  }

  async #syncStatus(all: readonly ReplicaSet[], newest: ReplicaSet | undefined): Promise<Result> {
    const status = baseStatus(this.#deployment, all, newest, this.#context.clock.now());
    if (!sameStatus(this.#deployment.status, status)) await this.#writeStatus(status);
    return done;
  }

  async #syncRollout(all: readonly ReplicaSet[], newest: ReplicaSet | undefined): Promise<Result> {
    const nowMs = this.#context.clock.now();
    const status = rolloutStatus(this.#deployment, all, newest, nowMs);
    if (!sameStatus(this.#deployment.status, status)) {
      await this.#writeStatus(status);
      return done;
    }
    const checkMs = progressCheckMs(this.#deployment, status, nowMs);
    return checkMs === undefined ? done : requeueAfter(checkMs);
  }

  async #writeStatus(status: DeploymentStatus): Promise<void> {
    this.#deployment = clone(await this.#context.client.updateStatus(deployments, { ...this.#deployment, status }, { signal: this.#context.signal }));
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#context.recorder.event(referenceTo(deployments, this.#deployment), type, reason, message);
  }
}

const statusFields = ['observedGeneration', 'replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas', 'unavailableReplicas', 'terminatingReplicas', 'collisionCount'] as const;

/** An absent count and zero are the same, but for the two that are pointers. */
function sameStatus(a: DeploymentStatus | undefined, b: DeploymentStatus): boolean {
  const pointers = new Set(['terminatingReplicas', 'collisionCount']);
  return statusFields.every((field) => (pointers.has(field) ? a?.[field] === b[field] : (a?.[field] ?? 0) === (b[field] ?? 0))) && semanticallyEqual(a?.conditions, b.conditions);
}
