/**
 * Has mutating policies or webhooks say their word in turn, then once more those that wish so (`reinvocationPolicy:
 * IfNeeded`), where one after them changed the object. `ask` tells whether the object was changed; undefined: the request
 * was none for this one.
 */
export async function inTurn<T>(all: readonly T[], { ask, again }: { ask: (one: T) => Promise<boolean | undefined>; again: (one: T) => boolean }): Promise<void> {
  const once: T[] = [];
  let repeat = false;
  for (const one of all) {
    const changed = await ask(one);
    if (changed === undefined) continue;
    if (changed && once.length) repeat = true;
    if (again(one)) once.push(one);
  }
  if (repeat) for (const one of once) await ask(one);
}
