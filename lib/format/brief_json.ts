const MAX_CHARACTERS = 80;
const MAX_ELEMENTS = 8;

/**
 * A value from a JSON file as one short piece of a message. Never recurses, so that no nesting in a file can exhaust the
 * stack.
 */
export function briefJson(value: unknown): string {
  if (!Array.isArray(value)) return briefScalar(value);
  const elements = value.slice(0, MAX_ELEMENTS).map((element) =>
    Array.isArray(element) ? "[...]" : briefScalar(element)
  );
  return `[${elements.join(", ")}${value.length > MAX_ELEMENTS ? ", ..." : ""}]`;
}

function briefScalar(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  const text = typeof value === "string" ? JSON.stringify(value.slice(0, MAX_CHARACTERS + 1)) : String(value);
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS - 3)}...` : text;
}
