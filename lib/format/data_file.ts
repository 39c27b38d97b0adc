/** A file that someone else reads: `bytes` may be a getter, so that only files in use are read. */
export interface DataFile {
  /** As errors should name it: the path the user gave, or the name within the folder. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Which array of a .npz file; the first if left out. */
  readonly key?: string;
  /** Most bytes that its compressed parts may unpack to; `UNPACK_LIMIT` if left out. */
  readonly unpackLimit?: number;
}
