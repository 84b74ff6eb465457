/** The constant bytes around the objects of a kind when they stand in lists and watch events. */
export interface ListPieces {
  /** Bytes to leave out at an object's start when it stands in a list (`{"kind":…,"apiVersion":…,`); a brace takes their place. */
  skip: number;
  /** The list up to its metadata's fields. */
  head: string;
}

/** `bare`: items go without kind and apiVersion, as those of built-in kinds do; custom resources keep theirs. */
export function listPieces(kind: string, apiVersion: string, listKind: string, bare: boolean): ListPieces {
  const lead = `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},`;
  return {
    skip: bare ? Buffer.byteLength(lead) : 1,
    head: `{"kind":${JSON.stringify(listKind)},"apiVersion":${JSON.stringify(apiVersion)},"metadata":`,
  };
}
