import { isUtf8 } from "node:buffer";
import { OperationalError } from "../../../shared/errors.ts";

/** A value takes up to 60 bytes of memory, whatever its length in the text. */
const VALUES_MAX = 500_000;
const DEPTH_MAX = 64;
export const JSON_BYTES_MAX = 16 * 1024 ** 2;

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Parses what anybody may have written, once it is known to be neither too long, nor too deep, nor of
 * too many values.
 * @throws OperationalError PARSE, LIMIT
 */
export function parseBoundedJson(bytes: Uint8Array): unknown {
  if (bytes.length > JSON_BYTES_MAX) {
    throw new OperationalError("LIMIT", `JSON of more than ${JSON_BYTES_MAX} bytes`);
  }
  checkShape(bytes);
  if (!isUtf8(bytes)) throw new OperationalError("PARSE", "JSON that is not UTF-8");
  try {
    return JSON.parse(new TextDecoder().decode(bytes)); // without the mark that some begin with
  } catch (cause) {
    // The parser's own message quotes the text.
    throw new OperationalError("PARSE", `Not JSON: ${bytes.length} bytes`, { cause });
  }
}

/** Counts what a parser would make, without making it. */
function checkShape(bytes: Uint8Array): void {
  let [depth, values] = [0, 0];
  for (let i = 0; i < bytes.length; i += 1) {
    switch (bytes[i]) {
      case QUOTE:
        i = endOfText(bytes, i + 1);
        break;
      case OPEN_LIST:
      case OPEN_OBJECT:
        depth += 1;
        values += 1;
        break;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        depth -= 1;
        break;
      case COMMA:
        values += 1;
        break;
    }
    if (depth > DEPTH_MAX) throw new OperationalError("LIMIT", `JSON deeper than ${DEPTH_MAX}`);
    if (values > VALUES_MAX) {
      throw new OperationalError("LIMIT", `JSON of more than ${VALUES_MAX} values`);
    }
  }
}

/** Where the quote is that ends it. */
function endOfText(bytes: Uint8Array, start: number): number {
  for (let i = start; i < bytes.length; i += 1) {
    if (bytes[i] === BACKSLASH) i += 1;
    else if (bytes[i] === QUOTE) return i;
  }
  return bytes.length;
}
