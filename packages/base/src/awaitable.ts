/** A value that is there, or will be. What is mostly there costs no promise then. */
export type Awaitable<T> = T | Promise<T>;

/** Goes on with the value: at once where it is there, else when it comes. What `next` throws is thrown, or rejects. */
export const andThen = <T, R>(value: Awaitable<T>, next: (value: T) => Awaitable<R>): Awaitable<R> => (value instanceof Promise ? value.then(next) : next(value));
