import { CODECS, jsonSchemaOf, shortFormat } from "../../lib/format/codecs.ts";
import { defineCommand } from "../command.ts";
import { artefactTarget } from "../files.ts";
import { oneOf, optionalPositional } from "../flag.ts";
import { OUTPUT_FLAG } from "../flags.ts";

const NAMES = CODECS.map(shortFormat);

export const schema = defineCommand({
  name: "schema",
  summary: "Print the JSON Schema of an artefact, or the list of artefacts",
  details: "For other programs that write or read artefacts, and for editors that complete them.",
  positionals: { format: optionalPositional(NAMES.join(", "), oneOf(NAMES)) },
  flags: OUTPUT_FLAG,
  examples: ["dyad schema", "dyad schema plan -o plan.schema.json"],
  async run({ args, flags, terminal }) {
    const target = artefactTarget(flags, { ...terminal, json: false });
    const codec = CODECS.find((known) => shortFormat(known) === args.format);
    const text = codec === undefined ? NAMES.join("\n") : JSON.stringify(jsonSchemaOf(codec), null, 2);
    await target.write(text + "\n");
    return undefined;
  },
});
