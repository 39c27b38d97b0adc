/** A .npy file built by hand: any version, header text and data. */
export function npyBytes(header: string, data: Uint8Array, version = 1): Uint8Array {
  const text = new TextEncoder().encode(header.padEnd(60) + "\n");
  const lengthBytes = version === 1 ? 2 : 4;
  const file = new Uint8Array(8 + lengthBytes + text.length + data.length);
  file.set([0x93, ...new TextEncoder().encode("NUMPY"), version, 0]);
  const view = new DataView(file.buffer);
  if (version === 1) view.setUint16(8, text.length, true);
  else view.setUint32(8, text.length, true);
  file.set(text, 8 + lengthBytes);
  file.set(data, 8 + lengthBytes + text.length);
  return file;
}

/** NumPy's own way of writing a header. */
export function npyHeader(descr: string, fortranOrder: boolean, shape: readonly number[]): string {
  const extents = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const order = fortranOrder ? "True" : "False";
  return `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${extents}), }`;
}
