/** An object as the decoder leaves it: the structs that Go keeps by value are always there. */
export type Filled<T> = T & { [K in ('spec' | 'status' | 'template') & keyof T]: NonNullable<T[K]> };
