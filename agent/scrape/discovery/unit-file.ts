/** What a unit file says of itself with `X-Telltale-Scrape=`. Source: systemd.syntax(7). */

const KEY = "X-Telltale-Scrape";
const LINES_MAX = 10_000;
const ENDPOINTS_MAX = 16;

/** Values in the order of the files; an empty one takes back those before it, as in systemd's lists. */
export function scrapeWords(texts: readonly string[]): string[] {
  let words: string[] = [];
  for (const text of texts) {
    let section = "";
    for (const line of logicalLines(text)) {
      section = /^\[([^\]]*)\]$/.exec(line)?.[1] ?? section;
      if (section !== "Unit" && section !== "Service") continue;
      const equals = line.indexOf("=");
      if (line.slice(0, equals).trim() !== KEY) continue;
      const value = line.slice(equals + 1).trim();
      words = value === "" ? [] : [...words, ...value.split(/\s+/)];
    }
  }
  return words.slice(0, ENDPOINTS_MAX);
}

/** Without comments; a backslash at the end joins a line with the next. */
function logicalLines(text: string): string[] {
  const lines: string[] = [];
  let open = "";
  for (const raw of text.split("\n", LINES_MAX)) {
    const line = raw.trim();
    if (line.startsWith("#") || line.startsWith(";")) continue;
    if (line.endsWith("\\")) open += `${line.slice(0, -1)} `;
    else {
      lines.push((open + line).trim());
      open = "";
    }
  }
  return lines;
}

export type UnitEndpoint = {
  readonly scheme: string;
  readonly address: string;
  readonly port: number;
  readonly path: string;
};

const ENDPOINT =
  /^(?:(https?):\/\/)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]*):(\d{1,5})(\/[\x21-\x7e]{0,1023})?$/;

/** `:9100`, `:9100/metrics`, `HOST:PORT/PATH` or such with `https://` before it; null: none of them. */
export function unitEndpoint(word: string): UnitEndpoint | null {
  const [, scheme = "http", host = "", digits, path = "/metrics"] = ENDPOINT.exec(word) ?? [];
  const port = Number(digits);
  if (digits === undefined || port < 1 || port > 65_535) return null;
  return { scheme, address: `${host || "127.0.0.1"}:${port}`, port, path };
}
