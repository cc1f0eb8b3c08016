import { durationMs } from "../../../shared/model/duration.ts";

/** What somebody asks for with labels of a container. */
export type AskedScrape = {
  /** None where the labels name none. */
  readonly ports: readonly number[];
  readonly path: string;
  readonly scheme: "http" | "https";
  /** Null: the default. */
  readonly intervalMs: number | null;
};

const PORTS_MAX = 16;
const INTERVAL_MS_MIN = 1000;

/** @throws nothing: a text says what is wrong with the labels; null: nobody asks for a scrape. */
export function askedScrape(labels: Readonly<Record<string, string>>): AskedScrape | string | null {
  const own = (name: string) => (Object.hasOwn(labels, name) ? labels[name] : undefined)?.trim();
  if (!isAsked(own)) return null;
  // Ours win: prometheus.io/… may be there for somebody else.
  const at = (key: string) => own(`telltale.scrape.${key}`) ?? own(`prometheus.io/${key}`) ?? "";
  const ports = portsOf(at("port"));
  const path = at("path") || "/metrics";
  const scheme = at("scheme").toLowerCase() || "http";
  const interval = at("interval");
  const intervalMs = interval === "" ? null : durationMs(interval);
  if (ports === null) return `the port is not a list of at most ${PORTS_MAX} numbers up to 65535`;
  if (!/^\/[\x21-\x7e]{0,1023}$/.test(path)) return "the path does not begin with / or is too long";
  if (scheme !== "http" && scheme !== "https") return "the scheme is neither http nor https";
  if (interval !== "" && (intervalMs === null || intervalMs < INTERVAL_MS_MIN)) {
    return "the interval is not a duration of at least 1s";
  }
  return { ports, path, scheme, intervalMs };
}

function isAsked(own: (name: string) => string | undefined): boolean {
  const word = own("telltale.scrape")?.toLowerCase();
  if (word !== undefined) return isYes(word);
  return own("telltale.scrape.port") !== undefined || isYes(own("prometheus.io/scrape") ?? "");
}

function isYes(word: string): boolean {
  return /^(true|yes|on|1)$/i.test(word);
}

/** `9100` or `9100,9200`; null: neither. */
function portsOf(text: string): readonly number[] | null {
  if (text === "") return [];
  const parts = text.split(",", PORTS_MAX + 1).map((part) => part.trim());
  const ports = [...new Set(parts.map((part) => (/^\d{1,5}$/.test(part) ? Number(part) : 0)))];
  return parts.length <= PORTS_MAX && ports.every((port) => port > 0 && port <= 65_535)
    ? ports
    : null;
}
