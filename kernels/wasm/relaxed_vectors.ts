import { ModuleBuilder } from "./module.ts";

let known: boolean | undefined;

/** Whether the WebAssembly engine takes the relaxed vector instructions; asked once. */
export function hasRelaxedVectors(): boolean {
  if (known === undefined) {
    const module = new ModuleBuilder();
    module.addFunction("probe", { parameters: ["v128", "v128"], results: ["v128"] }, (f) => {
      const [first, second] = f.parameters;
      f.get(first).get(second).op("i16x8.relaxed_dot_i8x16_i7x16_s");
    });
    known = WebAssembly.validate(module.toBytes());
  }
  return known;
}
