const SINGLE = new Map(
  Object.entries({
    a: "\x07",
    b: "\b",
    f: "\f",
    n: "\n",
    r: "\r",
    t: "\t",
    v: "\v",
    "\\": "\\",
    '"': '"',
    "'": "'",
  }),
);
const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.)|$)/gs;

/**
 * The text of a literal as Go has them (`"…"`, `` `…` ``), or in single quotes, as PromQL has too; null
 * when it is not well formed. Bytes written as `\xff` that are no UTF-8 become U+FFFD.
 */
export function unquote(literal: string): string | null {
  const quote = literal[0];
  if (literal.length < 2 || literal.at(-1) !== quote) return null;
  const body = literal.slice(1, -1);
  if (quote === "`") return body;
  if (!body.includes("\\")) return body.includes("\n") ? null : body;
  let isValid = true;
  // One character a byte, for escapes name bytes.
  const bytes = byteText(body).replace(ESCAPE, (_, hex, octal, short, long, single) => {
    const byte = hex === undefined ? Number.parseInt(octal, 8) : Number.parseInt(hex, 16);
    const code = Number.parseInt(short ?? long, 16);
    const isOther = (single === '"' || single === "'") && single !== quote;
    if (byte <= 255) return String.fromCharCode(byte);
    if (code <= 0x10ffff) return byteText(String.fromCodePoint(code));
    const text = isOther ? undefined : SINGLE.get(single);
    isValid &&= text !== undefined;
    return text ?? "";
  });
  return isValid ? Buffer.from(bytes, "latin1").toString("utf8") : null;
}

function byteText(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
