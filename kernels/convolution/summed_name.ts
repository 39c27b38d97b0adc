/** The name of a convolution's kernel where it goes on with a sum: `conv` becomes `convsum`. */
export function summedName(name: string): string {
  return name.replace(/conv_/, "convsum_");
}
