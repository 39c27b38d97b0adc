import { encodeNpy } from "../../lib/format/npy.ts";
import type { AttributeProto, GraphProto, TensorProto } from "../../lib/onnx/messages.ts";
import type { Plain } from "../../lib/onnx/schema.ts";
import { tensor } from "../../lib/tensor/tensor.ts";
import { pngBytes } from "../lib/format/png_bytes.ts";
import { floats, info, int, INT64, ints, model, node, ramp, smallNetwork, text } from "../lib/onnx/sample_model.ts";
import { badArtefact, badInput } from "./bad_input.ts";

const CALIBRATE = "--data @images.npy --mean 0.5 --std 0.25 -o @new.json";

badInput("truncated models", async (pipeline) => {
  const bytes = Deno.readFileSync(pipeline.path("model.onnx"));
  for (let length = 0; length < bytes.length; length += 23) {
    pipeline.write("cut.onnx", bytes.subarray(0, length));
    await pipeline.refuses(`calibrate @cut.onnx ${CALIBRATE}`, /^cut\.onnx: /);
  }
});

badInput("files that are not ONNX", async (pipeline) => {
  const contents: Record<string, Uint8Array | string> = {
    "empty.onnx": "",
    "text.onnx": "import torch\n",
    "json.onnx": "{}",
    "zeros.onnx": new Uint8Array(100),
    "numpy.onnx": Deno.readFileSync(pipeline.path("images.npy")),
    "zip.onnx": Uint8Array.of(0x50, 0x4b, 3, 4, ...new Uint8Array(40)),
  };
  for (const [name, content] of Object.entries(contents)) {
    pipeline.write(name, content);
    await pipeline.refuses(`calibrate @${name} ${CALIBRATE}`, new RegExp(`^${name.replace(".", "\\.")}: `), /ONNX/);
  }
});

badInput("unknown operators and attributes, all in one message", async (pipeline) => {
  const graph = smallNetwork();
  const nodes = [
    node("Conv", "x w", "c", [ints("pads", [1, 1, 1, 1]), int("winograd", 1)], "stem"),
    node("Mish", "c", "b", [], "act.1"),
    node("Relu", "b", "r", [], "act.2"),
    node("MaxPool", "r", "p", [ints("kernel_shape", [2, 2]), ints("strides", [2, 2]), text("mode", "wrap")], "pool"),
    node("Flatten", "p", "f"),
    node("Mish", "f", "g", [], "act.3"),
    node("Gemm", "g matrix bias", "h", [int("transB", 1)]),
    node("Einsum", "h", "y", [text("equation", "ij->ij")]),
  ];
  pipeline.write("unknown.onnx", model({ ...graph, node: nodes }));
  await pipeline.refuses(
    `calibrate @unknown.onnx ${CALIBRATE}`,
    /^unknown\.onnx: /,
    /operator Mish .*\bact\.1, act\.3\b/,
    /operator Einsum .*\bEinsum_7\b/,
    /node stem \(Conv\): .*winograd/,
    /node pool \(MaxPool\): .*mode/,
    /supported operators: Add, /,
  );
});

badInput("models that have no integer form or take no images", async (pipeline) => {
  const initializer = [
    ramp("w", [1, 8, 4]),
    ramp("r", [1, 8, 2]),
  ];
  const input = [info("x", ["N", 4, 4])];
  const output = [info("y", [1, "N", 2])];
  const write = (file: string, type: string, inputs: string, attributes: Plain<AttributeProto>[]): void => {
    const nodes = [
      node("Transpose", "x", "t", [ints("perm", [1, 0, 2])]),
      node(type, inputs, "- y", attributes, "memory"),
    ];
    pipeline.write(file, model({ input, output, initializer, node: nodes }));
  };
  const square = [node("Transpose", "x", "t", [ints("perm", [0, 2, 1])]), node("MatMul", "x t", "y", [], "square")];
  pipeline.write("square.onnx", model({ input, output: [info("y", ["N", 4, 4])], initializer, node: square }));
  const refused =
    /^square\.onnx: the model cannot be quantized yet: node square \(MatMul\) has no integer form; dyad run/;
  await pipeline.refuses(`calibrate @square.onnx ${CALIBRATE}`, refused);
  await pipeline.refuses(`profile @square.onnx -o @new.json`, refused);
  write("lstm.onnx", "LSTM", "t w r", [int("input_forget", 1)]);
  await pipeline.refuses(
    `calibrate @lstm.onnx ${CALIBRATE}`,
    /^lstm\.onnx: node memory \(LSTM\): its attribute input_forget has no integer form; dyad run/,
  );
  const table = { input: [info("x", ["N", 3], INT64)], output: [info("y", ["N", 3, 4])] };
  const gather = { initializer: [ramp("w", [8, 4])], node: [node("Gather", "w x", "y")] };
  pipeline.write("ids.onnx", model({ ...table, ...gather }));
  const run = "run @ids.onnx --data @ids.txt --output-format npy -o @new.npy";
  pipeline.write("ids.txt", "1 2 the");
  await pipeline.refuses(run, /^ids\.txt: line 1: found "the", expected token ids/);
  pipeline.write("ids.txt", "1 2 3");
  await pipeline.refuses(run, /^ids\.txt: found 3 tokens, expected at least 4 for one sample of 3/);
  pipeline.write("ids.txt", "1 2 9 0");
  await pipeline.refuses(run, /^ids\.txt: token number 2 is 9, expected 0 to 7, the rows of w/);
  const sum = [node("Gather", "w x", "g"), node("Add", "g z", "y")];
  const two = { ...table, ...gather, input: [...table.input, info("z", ["N", 3, 4])], node: sum };
  pipeline.write("two.onnx", model(two));
  await pipeline.refuses(
    `run @two.onnx --data @images.npy`,
    /^two\.onnx: the model takes x \(int64 \[N,3\]\), z \(float \[N,3,4\]\); expected one input/,
  );
});

badInput("shapes that cannot be inferred", async (pipeline) => {
  const shapes: Record<string, [Plain<GraphProto>, ...RegExp[]]> = {
    "open.onnx": [
      { ...smallNetwork(), input: [info("x", ["N", 1, "height", "width"])] },
      /input x .*height/,
      /--input-shape|x=/,
    ],
    "reshape.onnx": [
      {
        input: [info("x", ["N", 1, 4, 4])],
        output: [info("y", ["N", 4])],
        node: [node("Relu", "x", "s", [], "act"), node("Reshape", "x s", "y", [], "late")],
      },
      /node late \(Reshape\): .*shape/,
    ],
    "window.onnx": [
      { ...smallNetwork(), input: [info("x", ["N", 1, 1, 1])] },
      /node MaxPool_3 \(MaxPool\): .*2x2 window does not fit the 1x1 image/,
    ],
    "columns.onnx": [
      { ...smallNetwork(), input: [info("x", ["N", 1, 6, 6])] },
      /node Gemm_5 \(Gemm\): .*18 columns.* 8/,
    ],
  };
  for (const [name, [graph, ...patterns]] of Object.entries(shapes)) {
    pipeline.write(name, model(graph));
    await pipeline.refuses(`calibrate @${name} ${CALIBRATE}`, new RegExp(`^${name}: `), ...patterns);
  }
});

badInput("weights that are NaN, infinite, or become so", async (pipeline) => {
  const withInitializer = (...replacements: Plain<TensorProto>[]): Uint8Array => {
    const graph = smallNetwork();
    const initializer = graph.initializer!.map((old) => replacements.find(({ name }) => name === old.name) ?? old);
    return model({ ...graph, initializer });
  };
  const matrix = Array.from({ length: 24 }, (_, i) => i / 24);
  const cases: [Uint8Array, ...RegExp[]][] = [
    [withInitializer(floats("matrix", [3, 8], matrix.with(10, NaN))), /"matrix" holds NaN at index \[1,2\]/],
    [withInitializer(floats("matrix", [3, 8], matrix.with(23, -Infinity))), /"matrix" holds -Infinity at .*\[2,7\]/],
    [withInitializer(floats("variance", [2], [1, -2])), /BatchNormalization_1.*channel 1|variance.*-2/],
    [withInitializer(floats("gamma", [2], [3e38, 1])), /tensor "r", sample 0: found .* not finite/],
    [
      withInitializer(floats("gamma", [2], [3e38, 1]), floats("variance", [2], [0, 1])),
      /layer Conv_0: weight 0 is -Infinity once .*; check .* batch normalization/,
    ],
    [
      withInitializer({ name: "bias", dims: [3], dataType: 10, int32Data: [0, 0x7c00, 0] }),
      /"bias" holds Infinity at index \[1\]/,
    ],
  ];
  for (const [bytes, ...patterns] of cases) {
    pipeline.write("weights.onnx", bytes);
    await pipeline.refuses(`calibrate @weights.onnx ${CALIBRATE}`, /^weights\.onnx: /, ...patterns);
    await pipeline.refuses("run @weights.onnx --data @images.npy -o @new.json", /^weights\.onnx: /);
  }
});

const pixels = (...shape: number[]): Uint8Array =>
  encodeNpy(tensor("u8", shape, new Uint8Array(shape.reduce((a, b) => a * b, 1))));
const greyPng = (height: number, width: number): Uint8Array =>
  pngBytes({ height, width, depth: 8, colourType: 0, rows: new Uint8Array(height * (width + 1)) });

badArtefact("images of the wrong size", async (pipeline) => {
  pipeline.write("big.npy", pixels(2, 1, 5, 5));
  pipeline.write("flat.npy", pixels(2, 16));
  pipeline.write("none.npy", pixels(0, 1, 4, 4));
  pipeline.write("int.npy", encodeNpy(tensor("i32", [1, 1, 4, 4], new Int32Array(16))));
  pipeline.write("nan.npy", encodeNpy(tensor("f32", [2, 1, 4, 4], new Float32Array(32).fill(NaN, 20))));
  pipeline.write("cut.npy", Deno.readFileSync(pipeline.path("images.npy")).subarray(0, 150));
  for (const name of ["big", "mixed", "empty", "damaged"]) Deno.mkdirSync(pipeline.path(name));
  pipeline.write("big/a.png", greyPng(5, 5));
  pipeline.write("mixed/a.png", greyPng(4, 4));
  pipeline.write("mixed/b.png", greyPng(4, 3));
  pipeline.write("damaged/a.png", greyPng(4, 4).subarray(0, 50));
  const commands = [
    "calibrate @model.onnx -o @new.json",
    "sensitivity @model.onnx --calibration @m.calibration.json -o @new.json",
    "run @model.onnx -o @new.npy",
    "run @m.dyad.json -o @new.npy",
    "verify @m.dyad.json --model @model.onnx -o @new.json",
  ];
  for (const command of commands) {
    await pipeline.refuses(`${command} --data @big.npy`, /big\.npy: .*5x5.*(1x)?4x4/, /--resize|layout/);
    await pipeline.refuses(`${command} --data @flat.npy`, /flat\.npy: .*2x16.*4x4/);
    await pipeline.refuses(`${command} --data @none.npy`, /none\.npy: .*0x1x4x4.*at least one/);
    await pipeline.refuses(`${command} --data @int.npy`, /int\.npy: .*i32.*u8/);
    await pipeline.refuses(`${command} --data @nan.npy`, /nan\.npy: found NaN in sample 1 at element 4/);
    await pipeline.refuses(`${command} --data @cut.npy`, /cut\.npy: /);
    await pipeline.refuses(`${command} --data @big`, /^big: a\.png: .*5x5.*4x4/, /--resize 4x4/);
    await pipeline.refuses(`${command} --data @mixed`, /^mixed: b\.png: .*4x3.*4x4/, /--resize 4x4/);
    await pipeline.refuses(`${command} --data @empty`, /^empty: .*no .*files/);
    await pipeline.refuses(`${command} --data @damaged`, /^damaged: a\.png: /);
  }
});

badArtefact("labels out of range, or too few", async (pipeline) => {
  pipeline.write("high.npy", encodeNpy(tensor("u8", [6], Uint8Array.of(0, 1, 2, 3, 1, 2))));
  pipeline.write("low.csv", "0\n1\n-1\n0\n1\n2\n");
  pipeline.write("few.csv", "0\n1\n");
  pipeline.write("float.npy", encodeNpy(tensor("f32", [6], new Float32Array(6))));
  pipeline.write("words.csv", "label\ncat\ndog\ncow\ncat\ncat\ncat\n");
  const commands = [
    "sensitivity @model.onnx --calibration @m.calibration.json --data @images.npy -o @new.json",
    "run @model.onnx --data @images.npy -o @new.npy",
    "run @m.dyad.json --data @images.npy -o @new.npy",
    "verify @m.dyad.json --model @model.onnx --data @images.npy -o @new.json",
  ];
  for (const command of commands) {
    await pipeline.refuses(`${command} --labels @high.npy`, /high\.npy: found the label 3 at index 3, expected 0 to 2/);
    await pipeline.refuses(`${command} --labels @low.csv`, /low\.csv: found the label -1 at index 2/);
    await pipeline.refuses(`${command} --labels @few.csv`, /few\.csv: found 2 labels, expected 6/);
    await pipeline.refuses(`${command} --labels @float.npy`, /float\.npy: .*f32.*integer label/);
    await pipeline.refuses(`${command} --classes @few.csv`, /few\.csv: found the names of 2 classes, the model .* 3/);
    await pipeline.refuses(`${command} --labels @words.csv --classes @classes.txt`, /words\.csv: line 4: .*"cow"/);
  }
});
