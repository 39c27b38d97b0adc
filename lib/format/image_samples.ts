import type { DataFile } from "./data_file.ts";
import { inputError } from "./error.ts";
import { sha256 } from "./hash.ts";
import { decodeImage, IMAGE_EXTENSIONS, isImageName } from "./image.ts";
import { type Image, toPlanes } from "./pixels.ts";
import { fitImage, formatRequest, imageRequest, imageShape, type SampleRequest, type Samples } from "./samples.ts";

/**
 * The samples of PNG and JPEG files, in the order of their names; other files are skipped. Grey and colour are converted
 * to what the model takes, then resized if asked for.
 * @throws DyadError (input) naming the file: none is an image, one is damaged or has another size than the model takes
 * or than the first one, or the model takes no images.
 */
export function imageSamples(files: readonly DataFile[], request: SampleRequest): Samples {
  const images = files.length === 1 ? files : sortByName(files.filter((file) => isImageName(file.name)));
  if (images.length === 0) {
    const extensions = IMAGE_EXTENSIONS.join(", ");
    throw inputError(
      `found ${files.length} files, such as ${files[0].name}, none of them an image (${extensions}); name an array ` +
        `file itself, or a folder of images`,
    );
  }
  if (imageRequest(request.shape) === undefined) {
    throw inputError(
      `${images[0].name}: is an image, but the model takes ${
        formatRequest(request.shape)
      }; give a .npy array of that shape`,
    );
  }
  const used = images.slice(0, request.limit);
  const skipped = files.length - images.length;
  const { data, first, lines, notes } = decodeAll(used, request);
  return {
    data,
    count: used.length,
    available: images.length,
    shape: imageShape(first, request.shape),
    sha256: sha256(lines.join("")),
    names: used.map((file) => file.name),
    notes: [
      ...counted(skipped, "file that is no image was skipped", "files that are no images were skipped"),
      ...notes,
    ],
  };
}

function decodeAll(
  used: readonly DataFile[],
  request: SampleRequest,
): { data: Uint8Array; first: Image; lines: string[]; notes: string[] } {
  const lines: string[] = [];
  let data = new Uint8Array(0);
  let first: Image | undefined;
  let transparent = 0;
  let converted = 0;
  let resized = 0;
  for (const [i, file] of used.entries()) {
    const { name, bytes } = file;
    const decoded = decodeImage(bytes, name);
    const image = fitImage(decoded, request, name);
    lines.push(`${sha256(bytes)}  ${baseName(name)}\n`);
    if (first === undefined) {
      first = image;
      data = new Uint8Array(used.length * image.data.length);
    }
    checkSame(image, first, name, used[0].name);
    toPlanes(image, data.subarray(i * image.data.length, (i + 1) * image.data.length));
    if (decoded.hadAlpha) transparent++;
    if (decoded.channels !== image.channels) converted++;
    if (decoded.height !== image.height || decoded.width !== image.width) resized++;
  }
  const kind = first!.channels === 1 ? "grey" : "colour";
  const notes = [
    ...counted(transparent, "image has transparency, which was dropped", "images have transparency, which was dropped"),
    ...counted(converted, `image was converted to ${kind}`, `images were converted to ${kind}`),
    ...counted(resized, "image was resized", "images were resized"),
  ];
  return { data, first: first!, lines, notes };
}

/** A note on how many files something was done to; none for none. */
function counted(count: number, singular: string, plural: string): string[] {
  return count === 0 ? [] : [`${count} ${count === 1 ? singular : plural}`];
}

function checkSame(image: Image, first: Image, name: string, firstName: string): void {
  const found = describeSize(image);
  const expected = describeSize(first);
  if (found === expected) return;
  throw inputError(
    `${name}: found ${found}, expected ${expected} as in ${firstName}; use --resize ${first.height}x${first.width}`,
  );
}

function describeSize({ height, width, channels }: Image): string {
  return `${height}x${width} pixels of ${channels} channel${channels === 1 ? "" : "s"}`;
}

function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

/** By the bytes of the names in UTF-8, the same everywhere. */
function sortByName(files: readonly DataFile[]): DataFile[] {
  const encoder = new TextEncoder();
  return files
    .map((file) => ({ file, key: encoder.encode(file.name) }))
    .sort((a, b) => compareBytes(a.key, b.key))
    .map(({ file }) => file);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a[i] !== b[i]) return a[i] - b[i];
  }
  return a.length - b.length;
}
