import fc from "fast-check";

/** Damaged forms of a file: bytes overwritten, the end cut off, bytes put in. */
export function mutations(file: Uint8Array): fc.Arbitrary<Uint8Array> {
  const position = fc.nat(file.length);
  const overwrite = fc.record({ at: position, bytes: fc.uint8Array({ minLength: 1, maxLength: 4 }) });
  const overwritten = fc.array(overwrite, { minLength: 1, maxLength: 4 }).map((changes) => {
    const changed = file.slice();
    for (const { at, bytes } of changes) changed.set(bytes.subarray(0, Math.max(0, file.length - at)), at);
    return changed;
  });
  const cut = position.map((length) => file.slice(0, length));
  const inserted = overwrite.map(({ at, bytes }) =>
    Uint8Array.from([...file.slice(0, at), ...bytes, ...file.slice(at)])
  );
  return fc.oneof({ weight: 4, arbitrary: overwritten }, cut, inserted);
}
