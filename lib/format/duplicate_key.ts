/**
 * The first key that an object anywhere in `json` holds twice, or undefined. JSON.parse keeps the last one silently.
 * `json` must be text that JSON.parse accepts.
 */
export function duplicateKey(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = []; // the keys of each enclosing object, undefined for an array
  let expectsKey = false;
  for (let i = 0; i < json.length; i++) {
    switch (json[i]) {
      case "{":
        open.push(new Set());
        expectsKey = true;
        break;
      case "[":
        open.push(undefined);
        expectsKey = false;
        break;
      case "}":
      case "]":
        open.pop();
        expectsKey = false;
        break;
      case ",":
        expectsKey = open.at(-1) !== undefined;
        break;
      case '"': {
        const end = endOfString(json, i);
        const keys = open.at(-1);
        if (expectsKey && keys !== undefined) {
          const key = JSON.parse(json.slice(i, end)) as string;
          if (keys.has(key)) return key;
          keys.add(key);
          expectsKey = false;
        }
        i = end - 1;
        break;
      }
    }
  }
  return undefined;
}

/** The position after the closing quote of the string that starts at `start`. */
function endOfString(json: string, start: number): number {
  let i = start + 1;
  while (i < json.length && json[i] !== '"') i += json[i] === "\\" ? 2 : 1;
  return i + 1;
}
