/** What a store with Prometheus' API holds of a target. A scrape has the number of the page that it got. */
export type StoredTarget = {
  /** When, Unix milliseconds, by number. */
  readonly scrapesMs: ReadonlyMap<number, number>;
  /** By series: values as they are written, by the number of the scrape. */
  readonly series: ReadonlyMap<string, ReadonlyMap<number, string>>;
  /** Scrapes that were given up when their time was over. */
  readonly late: ReadonlySet<number>;
  /** Samples of scrapes that got no page, but for those that say so. */
  readonly strays: readonly string[];
};

type Result = {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
};

export type Span = { readonly fromMs: number; readonly toMs: number };

const CHUNK_MS = 60_000;
/** Prometheus moves the time of a scrape by so much to make intervals regular. */
const MOVED_MS = 5;
const DURATION = /^scrape_duration_seconds\{/;
/** What is said of a scrape without a page. */
const REPORTS = /^(up|scrape_[a-z_]+)\{/;

export type AskedTarget = {
  readonly name: string;
  readonly timeoutMs: number;
  /** When each page was asked for, Unix milliseconds. */
  readonly askedMs: readonly number[];
};

/** All samples of a target. */
export async function storedTarget(
  url: string,
  { name, timeoutMs, askedMs }: AskedTarget,
  span: Span,
): Promise<StoredTarget> {
  const samples = await samplesOf(url, name, span);
  const upKey = [...samples.keys()].find((key) => key.startsWith("up{")) ?? "";
  const timesMs = [...(samples.get(upKey)?.keys() ?? [])].sort((a, b) => b - a);
  const numbers = new Map<number, number>();
  for (const [n, atMs] of askedMs.entries()) {
    const timeMs = timesMs.find((one) => one <= atMs + MOVED_MS);
    // What was asked for later has the last time, too.
    if (timeMs !== undefined && !numbers.has(timeMs)) numbers.set(timeMs, n);
  }
  const scrapesMs = new Map([...numbers].map(([timeMs, n]) => [n, timeMs]));
  const series = new Map<string, Map<number, string>>();
  const late = new Set<number>();
  const strays: string[] = [];
  for (const [key, values] of samples) {
    const numbered = new Map<number, string>();
    for (const [timeMs, value] of values) {
      const n = numbers.get(timeMs);
      if (n === undefined && !REPORTS.test(key)) strays.push(`${key} ${value} at ${timeMs}`);
      if (n === undefined) continue;
      numbered.set(n, value);
      if (DURATION.test(key) && Number(value) * 1000 > timeoutMs * 0.95) late.add(n);
    }
    series.set(key, numbered);
  }
  return { scrapesMs, series, late, strays };
}

/** The time of the scrape, among those of all targets, whose last one is longest ago; Unix milliseconds. */
export async function storedUntilMs(url: string): Promise<number> {
  const [oldest] = await query(url, `min(timestamp(up{target!=""}))`, Date.now());
  return Number(oldest?.value?.[1]) * 1000;
}

/** By series, values by time. */
async function samplesOf(url: string, target: string, { fromMs, toMs }: Span) {
  const samples = new Map<string, Map<number, string>>();
  for (let endMs = fromMs + CHUNK_MS; endMs < toMs + CHUNK_MS; endMs += CHUNK_MS) {
    const range = `{target="${target}"}[${CHUNK_MS}ms]`;
    for (const { metric, values = [] } of await query(url, range, Math.min(endMs, toMs))) {
      const key = seriesKey(metric);
      const known = samples.get(key) ?? new Map<number, string>();
      samples.set(key, known);
      for (const [seconds, value] of values) known.set(Math.round(seconds * 1000), value);
    }
  }
  return samples;
}

/** The series of a target that a query at that time sees, with their values. */
export async function seenAt(
  url: string,
  target: string,
  timeMs: number,
): Promise<Map<string, string>> {
  const results = await query(url, `{target="${target}"}`, timeMs);
  return new Map(results.map(({ metric, value }) => [seriesKey(metric), value?.[1] ?? ""]));
}

async function query(url: string, text: string, timeMs: number): Promise<readonly Result[]> {
  const body = new URLSearchParams({ query: text, time: String(timeMs / 1000) });
  const response = await fetch(`${url}/api/v1/query`, { method: "POST", body });
  const answer = (await response.json()) as { data?: { result: Result[] }; error?: string };
  if (answer.data === undefined) throw new Error(`${url} ${text}: ${answer.error}`);
  return answer.data.result;
}

function seriesKey(metric: Readonly<Record<string, string>>): string {
  const { __name__: name = "", ...labels } = metric;
  return `${name}${JSON.stringify(Object.fromEntries(Object.entries(labels).sort()))}`;
}
