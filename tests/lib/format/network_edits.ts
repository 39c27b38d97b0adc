/** A network as JSON. */
export type Json = { [key: string]: Json } & { [index: number]: Json } & (number | string | undefined);

/** A change of the artefact of `EVERY_KIND`. */
interface Edit {
  readonly what: string;
  edit(artefact: Json): unknown;
  /** In the message, besides the name of the file. */
  readonly expected: RegExp;
}

/** Any value where the file has JSON. */
export const json = (value: unknown): Json => value as Json;
const list = (value: unknown): Json[] => value as Json[];

const step = (artefact: Json, output: string): Json => list(artefact.steps).find((s) => s.output === output)!;
const problem = (artefact: Json, output: string): Json => step(artefact, output).problem;
export const tensorOf = (artefact: Json, name: string): Json => list(artefact.tensors).find((t) => t.name === name)!;

/** One change each that would read outside a tensor, give wrong numbers or break a proof. */
export const EDITS: readonly Edit[] = [
  {
    what: "two tensors of one name",
    edit: (a) => tensorOf(a, "max").name = "mean" as Json,
    expected: /mean is listed twice/,
  },
  {
    what: "two steps of one name",
    edit: (a) => step(a, "max").name = step(a, "mean").name,
    expected: /two steps are named make mean/,
  },
  {
    what: "a step that reads what comes later",
    edit: (a) => step(a, "conv").inputs[0] = "sum" as Json,
    expected: /step make conv reads sum before/,
  },
  {
    what: "a tensor that is not listed",
    edit: (a) => step(a, "conv").inputs[0] = "z" as Json,
    expected: /step make conv: tensor z is not in the list/,
  },
  {
    what: "a step that writes the input",
    edit: (a) => step(a, "conv").output = "x" as Json,
    expected: /x is written twice, by make conv/,
  },
  {
    what: "an output that nothing writes",
    edit: (a) => list(a.steps).pop(),
    expected: /no step writes the output tensor y/,
  },
  {
    what: "an output of another shape",
    edit: (a) => a.output.shape[1] = 4 as Json,
    expected: /output has shape 1x4, its tensor y 1x3/,
  },
  { what: "an input of another shape", edit: (a) => a.input.shape[1] = 3 as Json, expected: /input has shape 1x3x4x4/ },
  {
    what: "pixels into a tensor that holds fewer",
    edit: (a) => [a.input.kind = "pixels" as Json, tensorOf(a, "x").high = 127 as Json],
    expected: /takes pixels, its tensor x holds 0 .. 127/,
  },
  {
    what: "an output with a scale per channel",
    edit: (a) => tensorOf(a, "y").perChannel = json(true),
    expected: /y has a scale per channel/,
  },
  {
    what: "a range beyond the dtype",
    edit: (a) => tensorOf(a, "sum").high = 256 as Json,
    expected: /tensor sum declares 0 .. 256/,
  },
  {
    what: "a zero point beyond the dtype",
    edit: (a) => tensorOf(a, "sum").zeroPoint = 300 as Json,
    expected: /tensor sum has the zero point 300/,
  },
  {
    what: "an accumulator with a zero point",
    edit: (a) => tensorOf(a, "wide").zeroPoint = 1 as Json,
    expected: /tensor wide has the zero point 1, expected 0/,
  },
  {
    what: "a tensor of another size",
    edit: (a) => tensorOf(a, "sum").shape[1] = 5 as Json,
    expected: /tensor sum is u8 with 80 elements, expected u8 with 64/,
  },
  {
    what: "a tensor of another dtype",
    edit: (a) => tensorOf(a, "sum").dtype = "u16" as Json,
    expected: /tensor sum is u16 with 64/,
  },
  {
    what: "a window that reads outside",
    edit: (a) => problem(a, "wide").window.strideX = 2 as Json,
    expected: /step make wide: its window does not give 4x4 positions/,
  },
  {
    what: "padding that the output does not have",
    edit: (a) => problem(a, "conv").window.padRight = 9 as Json,
    expected: /its window does not give/,
  },
  {
    what: "a huge window",
    edit: (a) => problem(a, "conv").window.padTop = 2 ** 40 as Json,
    expected: /window.padTop: Too big/,
  },
  {
    what: "a kernel that the weights do not have",
    edit: (a) => problem(a, "wide").window.kernelWidth = 2 as Json,
    expected: /weights have shape/,
  },
  {
    what: "groups that do not divide",
    edit: (a) => problem(a, "conv").groups = 3 as Json,
    expected: /weights have shape/,
  },
  {
    what: "groups that do not divide the outputs",
    edit: (a) => {
      Object.assign(problem(a, "wide"), { inputChannels: 6, groups: 3 });
    },
    expected: /3 groups do not divide 6 input and 4 output/,
  },
  {
    what: "a layer made for smaller inputs",
    edit: (a) => problem(a, "wide").inputHigh = 100 as Json,
    expected: /conv holds 0 .. 255, the step is made for 0 .. 100/,
  },
  {
    what: "another zero point of an input",
    edit: (a) => problem(a, "wide").inputZeroPoint = 8 as Json,
    expected: /conv has the zero point 9, the problem is made for 8/,
  },
  {
    what: "another zero point of an output",
    edit: (a) => problem(a, "conv").output.zeroPoint = 8 as Json,
    expected: /conv has the zero point 9, the problem is made for 8/,
  },
  {
    what: "a clamp that leaves the tensor's range",
    edit: (a) => tensorOf(a, "sum").high = 200 as Json,
    expected: /writes 0 .. 255, the tensor sum is declared to hold 0 .. 200/,
  },
  {
    what: "a clamp beyond the dtype",
    edit: (a) => problem(a, "sum").output.high = 300 as Json,
    expected: /writes 0 .. 300/,
  },
  {
    what: "a clamp without values",
    edit: (a) => problem(a, "sum").output.low = 256 as Json,
    expected: /writes 256 .. 255/,
  },
  {
    what: "a term too few",
    edit: (a) => list(problem(a, "sum").terms).pop(),
    expected: /has 2 inputs, its problem takes 1/,
  },
  {
    what: "a sum of more channels",
    edit: (a) => problem(a, "sum").pixels = 17 as Json,
    expected: /tensor wide is i32 with 64 elements, expected i32 with 68/,
  },
  {
    what: "a pool without its rescaling",
    edit: (a) => problem(a, "mean").rescales[0].divisor = 3 as Json,
    expected: /no rescaling for the divisor 4/,
  },
  {
    what: "a pool of accumulators",
    edit: (a) => step(a, "max").inputs[0] = "wide" as Json,
    expected: /tensor wide is i32/,
  },
  {
    what: "a window in the padding",
    edit: (a) => {
      Object.assign(problem(a, "max").window, { padTop: 2, padBottom: 0, kernelHeight: 2, strideY: 4, dilationY: 1 });
    },
    expected: /lies in the padding altogether/,
  },
  {
    what: "a part that is longer",
    edit: (a) => problem(a, "concat").parts[0].inner = 5 as Json,
    expected: /tensor max is u8 with 16 elements, expected u8 with 20/,
  },
  {
    what: "more outer positions",
    edit: (a) => problem(a, "concat").outer = 8 as Json,
    expected: /tensor max is u8 with 16 elements, expected u8 with 32/,
  },
  {
    what: "a copy of what has another zero point",
    edit: (a) => delete (problem(a, "concat").parts[1] as { rescale?: unknown }).rescale,
    expected: /copies mean, whose dtype, zero point or range/,
  },
  {
    what: "a move to another scale",
    edit: (a) => tensorOf(a, "max").scale = 0.25 as Json,
    expected: /whose scales differ/,
  },
  {
    what: "a source beyond the input",
    edit: (a) => problem(a, "pad").sourceOffset = 1 as Json,
    expected: /copies from beyond the 32 elements/,
  },
  {
    what: "a source stride beyond the input",
    edit: (a) => problem(a, "pad").sourceStrides[0] = 100 as Json,
    expected: /copies from beyond the 32 elements/,
  },
  {
    what: "a target beyond the output",
    edit: (a) => problem(a, "pad").targetOffset = 60 as Json,
    expected: /copies to beyond the 72 elements/,
  },
  {
    what: "a stride too few",
    edit: (a) => list(problem(a, "pad").targetStrides).pop(),
    expected: /copies 3 axes with 3 and 2 strides/,
  },
  {
    what: "two elements for one place",
    edit: (a) => problem(a, "pad").targetStrides[1] = 7 as Json,
    expected: /several elements to one place/,
  },
  { what: "a fill beyond the dtype", edit: (a) => problem(a, "pad").fill = 256 as Json, expected: /fills with 256/ },
  {
    what: "an alias of another size",
    edit: (a) => tensorOf(a, "flat").shape[1] = 71 as Json,
    expected: /tensor flat is u8 with 71 elements, expected u8 with 72/,
  },
  {
    what: "a dtype that only states have",
    edit: (a) => tensorOf(a, "max").dtype = "i16" as Json,
    expected: /tensor max is i16 with 16 elements, expected u8/,
  },
  {
    what: "a table of more rows",
    edit: (a) => problem(a, "rows").rows = 7 as Json,
    expected: /rows\/table is u8 with 216 elements, expected u8 with 252/,
  },
  {
    what: "more indices",
    edit: (a) => problem(a, "rows").count = 3 as Json,
    expected: /tensor index is i32 with 2 elements, expected i32 with 3/,
  },
  {
    what: "wider rows",
    edit: (a) => Object.assign(problem(a, "rows"), { rows: 3, width: 72 }),
    expected: /tensor rows is u8 with 72 elements, expected u8 with 144/,
  },
  {
    what: "indices that are bytes",
    edit: (a) => step(a, "rows").inputs[0] = "flat" as Json,
    expected: /tensor flat is u8 with 72 elements, expected i32 with 2/,
  },
  {
    what: "a table whose values the tensor does not declare",
    edit: (a) => tensorOf(a, "rows").low = 9 as Json,
    expected: /step make rows: writes \d \.\. \d+, the tensor rows is declared to hold 9/,
  },
  {
    what: "a function of fewer values",
    edit: (a) => problem(a, "curve").table = problem(a, "rows").table,
    expected: /rows\/table is u8 with 216 elements, expected u8 with 256/,
  },
  {
    what: "a function of more elements",
    edit: (a) => problem(a, "curve").size = 73 as Json,
    expected: /tensor rows is u8 with 72 elements, expected u8 with 73/,
  },
  {
    what: "recurrent weights of another size",
    edit: (a) => problem(a, "hidden").hidden = 4 as Json,
    expected: /weights have shape \[12,3\], expected \[16,4\]/,
  },
  {
    what: "more steps of a recurrence",
    edit: (a) => problem(a, "hidden").steps = 3 as Json,
    expected: /tensor gates is i32 with 24 elements, expected i32 with 36/,
  },
  {
    what: "a recurrence over bytes",
    edit: (a) => step(a, "hidden").inputs[0] = "curve" as Json,
    expected: /tensor curve is u8 with 72 elements, expected i32 with 24/,
  },
  {
    what: "states that are missing",
    edit: (a) => problem(a, "hidden").carriesState = json(true),
    expected: /step make hidden: has 1 inputs, its problem takes 3/,
  },
  {
    what: "gates that are negative",
    edit: (a) => problem(a, "hidden").gateTable = problem(a, "hidden").cellTable,
    expected: /step make hidden: its gate table holds -32768/,
  },
  {
    what: "cell states of more bits",
    edit: (a) => problem(a, "hidden").cellBits = 16 as Json,
    expected: /cellBits: Too big/,
  },
  {
    what: "a GRU of another size",
    edit: (a) => problem(a, "other").hidden = 3 as Json,
    expected: /weights have shape \[12,4\], expected \[9,3\]/,
  },
  {
    what: "another zero point of hidden states",
    edit: (a) => problem(a, "hidden").output.zeroPoint = 127 as Json,
    expected: /tensor hidden has the zero point 128, the problem is made for 127/,
  },
  {
    what: "codes of other sizes",
    edit: (a) => problem(a, "coded").weights.bits = 3 as Json,
    expected: /tensor make coded\/codes is u8 with 42 elements, expected u8 with 63/,
  },
  {
    what: "codes of more bits than there are",
    edit: (a) => problem(a, "coded").weights.bits = 5 as Json,
    expected: /weights.bits: Too big/,
  },
  {
    what: "codes in more groups",
    edit: (a) => problem(a, "coded").weights.groupColumns = 7 as Json,
    expected: /tensor make coded\/coefficients is i8 with 28 elements, expected i8 with 42/,
  },
  {
    what: "codes in groups of no columns",
    edit: (a) => problem(a, "hidden").weights.groupColumns = 0 as Json,
    expected: /weights.groupColumns: Too small/,
  },
  {
    what: "weights of an unknown packing",
    edit: (a) => problem(a, "hidden").weights.packing = "ternary" as Json,
    expected: /weights.packing: Invalid/,
  },
  {
    what: "another zero point of a product's input",
    edit: (a) => problem(a, "coded").inputZeroPoint = 127 as Json,
    expected: /tensor signs has the zero point 128, the problem is made for 127/,
  },
  {
    what: "codes of more vectors than there are",
    edit: (a) => problem(a, "signs").vectors = 3 as Json,
    expected: /tensor both is u8 with 38 elements, expected u8 with 57/,
  },
  {
    what: "codes of vectors about another zero point",
    edit: (a) => problem(a, "signs").zeroPoint = 127 as Json,
    expected: /tensor both has the zero point 128, the problem is made for 127/,
  },
  {
    what: "codes of 5 bits of the results of a recurrence",
    edit: (a) => problem(a, "other").hiddenCodes = 5 as Json,
    expected: /hiddenCodes: Too big/,
  },
  {
    what: "accumulators of several scales in a convolution",
    edit: (a) => tensorOf(a, "curve").perChannel = json(true),
    expected: /reads curve, which has a scale per channel; only a sum and the gates of a recurrence can/,
  },
  {
    what: "constants of another step",
    edit: (a) => problem(a, "conv").bias = problem(a, "y").bias,
    expected: /tensor make y\/bias is i32 with 3 elements, expected i32 with 4/,
  },
  {
    what: "constants that are missing",
    edit: (a) => problem(a, "conv").bias = "b" as Json,
    expected: /tensor b is not in the safetensors file/,
  },
];
