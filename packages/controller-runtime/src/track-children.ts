import { controllerOf, type KubeObject, type ResourceType } from '@pilothouse/apimachinery';
import type { ControllerContext } from './contract.ts';
import { createExpectations, type Expectations } from './expectations.ts';

/** Expectations about children of `ownerType`, met by what the child informer sees. Call from `start`. */
export function trackChildren(context: ControllerContext, ownerType: ResourceType<any>, childType: ResourceType<any>): Expectations {
  const expectations = createExpectations(context.clock);
  const deleted = (child: KubeObject) => {
    const owner = controllerOf(child);
    if (owner?.kind === ownerType.kind) expectations.deletionObserved(owner.uid, child.metadata.uid!);
  };
  const stops = [
    context.informer(childType).handle({
      add(child, initial) {
        // A child that is first seen on its way out is a deletion, never the creation that was waited for.
        if (child.metadata.deletionTimestamp) return deleted(child);
        const owner = controllerOf(child);
        if (!initial && owner?.kind === ownerType.kind) expectations.creationObserved(owner.uid);
      },
      update(child, old) {
        if (child.metadata.uid !== old.metadata.uid) deleted(old);
        if (child.metadata.deletionTimestamp) deleted(child);
      },
      delete: deleted,
    }),
    context.informer(ownerType).handle({
      update: (owner, old) => {
        if (owner.metadata.uid !== old.metadata.uid) expectations.forget(old.metadata.uid!);
      },
      delete: (owner) => expectations.forget(owner.metadata.uid!),
    }),
  ];
  context.signal.addEventListener('abort', () => stops.forEach((stop) => stop()), { once: true });
  return expectations;
}
