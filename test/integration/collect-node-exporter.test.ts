import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { createCollectors } from "../../agent/collect/collectors.ts";
import { HOST_COLLECTORS } from "../../agent/collect/host-collectors.ts";
import type { ScheduledCollector } from "../../agent/collect/tick.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { NODE_EXPORTER_LEFT_OUT } from "../support/left-out.ts";
import { collectContext, RecordingSink } from "../unit/collect/recording-sink.ts";
import { exposed, hasExporter, type Series, seriesOf, startExporter } from "./node-exporter.ts";

/** Series that node_exporter 1.5 gives and we do not, of names that both give, and why. */
const SERIES_NOT_GIVEN: readonly (readonly [series: RegExp, reason: string])[] = [
  [
    /^node_disk_.*device="zram\d+"/,
    "memory, not a disk: left out by node_exporter too, from 1.6 on",
  ],
];

/** Gauges that may go up and down between our two readings, and how far. */
const MOVING: readonly (readonly [name: RegExp, tolerance: number])[] = [
  [/^node_memory_(?!MemTotal|Swap|CommitLimit|VmallocTotal|Huge)/, 256 * 1024 * 1024],
  [/^node_filesystem_(?:free|avail)_bytes$/, 256 * 1024 * 1024],
  [/^node_filesystem_files_free$/, 10_000],
  [/^node_procs_(?:running|blocked)$/, 100],
  [/^node_sockstat_.*_bytes$/, 16 * 1024 * 1024],
  [/^node_sockstat_/, 4096],
  [/^node_filefd_allocated$/, 2000],
  [/^node_netstat_Tcp_CurrEstab$/, 100],
  [/^node_nf_conntrack_entries$/, 1000],
  [/^node_arp_entries$/, 100],
  [/^node_udp_queues$/, 1024 * 1024],
  [/^node_disk_io_now$/, 100],
  [/^node_entropy_available_bits$/, 4096],
  [/^node_load(?:1|5|15)$/, 2],
  [/^node_cpu_(?:scaling_)?frequency_hertz$/, 5e9],
  [/^node_time_seconds$/, 1],
  [/^node_timex_/, 0.01],
  // The kernel's own sums of waiting go back at times, and who reads them corrects that.
  [/^node_cpu_seconds_total$/, 0.05],
  [/^node_boot_time_seconds$/, 1],
];

const nameOf = (series: string) => series.slice(0, series.indexOf("{"));

/** All that an agent runs for the host; a reading is what stands after everything had its turn. */
class Reader {
  readonly #sinks = [new RecordingSink(), new RecordingSink()] as const;
  readonly #collectors: readonly Pick<ScheduledCollector, "collector" | "group">[];

  constructor() {
    const [first, second] = this.#sinks;
    const wired = createCollectors({ hostRoot: "/", cgroupsMax: 100 }, nodeClock, first.groups);
    const names = new Set(wired.map(({ collector }) => collector.name));
    const context = collectContext("/", second);
    const rest = HOST_COLLECTORS.filter((entry) => entry.isOnByDefault && !names.has(entry.name));
    this.#collectors = [
      ...wired,
      ...rest.map(({ create }) => ({ collector: create(context), group: null })),
    ];
  }

  async read(nowMs = Date.now()): Promise<Series> {
    await this.#runWhenRead(nowMs);
    // File systems are asked in the background.
    await sleep(50);
    return await this.#runWhenRead(nowMs);
  }

  close(): void {
    for (const { collector } of this.#collectors) collector.close();
  }

  /** To a reading of before, in the background, a minute may seem to have passed. */
  async #runWhenRead(nowMs: number): Promise<Series> {
    for (let tries = 0; ; tries += 1) {
      try {
        return this.#run(nowMs);
      } catch (error) {
        if (tries > 100 || !String(error).includes("Reading ")) throw error;
        await sleep(50);
      }
    }
  }

  #run(nowMs: number): Series {
    for (const sink of this.#sinks) sink.begin();
    for (const { collector, group } of this.#collectors) {
      collector.collect(nowMs);
      const { readAtMs = nowMs } = collector;
      if (readAtMs !== null) group?.read(readAtMs);
    }
    return exposed(this.#sinks.flatMap((sink) => [...sink.values()]));
  }
}

/** Whether theirs is what passed between our readings; the two print fractions differently. */
function isBetween(before: number, theirs: number, after: number, tolerance: number): boolean {
  const slack = tolerance + 1e-9 * Math.max(1, Math.abs(theirs));
  return theirs >= Math.min(before, after) - slack && theirs <= Math.max(before, after) + slack;
}

interface Round {
  readonly before: Series;
  readonly theirs: Series;
  readonly after: Series;
}

/** node_exporter's numbers between two readings of ours. */
async function readAround(): Promise<Round> {
  const exporter = await startExporter([]);
  const [first, second] = [new Reader(), new Reader()];
  // A first time for both, long enough ago that the next reads everything again.
  for (const reader of [first, second]) await reader.read(Date.now() - 60_000);
  const before = await first.read();
  const theirs = seriesOf(await exporter.scrape());
  exporter.stop();
  const after = await second.read();
  first.close();
  second.close();
  return { before, theirs, after };
}

interface Comparison {
  readonly compared: number;
  readonly exact: number;
  /** What is out of tolerance, by series. */
  readonly wrong: Map<string, string>;
}

function compare({ before, theirs, after }: Round): Comparison {
  const wrong = new Map<string, string>();
  let compared = 0;
  let exact = 0;
  for (const [series, value] of theirs) {
    const [earlier, later] = [before.get(series), after.get(series)];
    if (earlier === undefined || later === undefined) continue;
    compared += 1;
    if (isBetween(earlier, value, later, 0)) {
      exact += 1;
      continue;
    }
    const tolerance = MOVING.find(([pattern]) => pattern.test(nameOf(series)))?.[1] ?? 0;
    if (isBetween(earlier, value, later, tolerance)) continue;
    wrong.set(series, `${series}: ${earlier} ≤ ${value} ≤ ${later}`);
  }
  return { compared, exact, wrong };
}

describe.skipIf(!hasExporter)("beside node_exporter (skipped where it is not)", () => {
  let before: Series = new Map();
  let theirs: Series = new Map();
  let round: Round = { before, theirs, after: new Map() };

  beforeAll(async () => {
    round = await readAround();
    ({ before, theirs } = round);
  }, 30_000);

  test("what both tell is the same, or lies between our two readings", async () => {
    const first = compare(round);
    expect(first.compared).toBeGreaterThan(300);
    // What the tolerances are for is seldom so far off that they are needed.
    expect(first.exact / first.compared).toBeGreaterThan(0.9);
    // A gauge may leap and come back between our readings, when tests beside this one open
    // thousands of files: wrong is what is wrong each time.
    let wrong = [...first.wrong];
    for (let rounds = 1; wrong.length > 0 && rounds < 5; rounds += 1) {
      const again = compare(await readAround()).wrong;
      wrong = wrong.filter(([series]) => again.has(series));
    }
    expect(wrong.map(([, message]) => message)).toEqual([]);
  }, 60_000);

  test("95 of 100 names are told by us, and the rest is explained", () => {
    const ours = new Set([...before.keys()].map(nameOf));
    const names = [...new Set([...theirs.keys()].map(nameOf))];
    const missing = names.filter((name) => !ours.has(name));
    const share = 1 - missing.length / names.length;
    process.stdout.write(
      `node_exporter has ${names.length} names, ${missing.length} of them only it: ` +
        `${missing.join(", ")}\n`,
    );
    expect(missing.filter((name) => NODE_EXPORTER_LEFT_OUT[name] === undefined)).toEqual([]);
    expect(share).toBeGreaterThanOrEqual(0.95);
  });

  test("of the names that both have, we have every series", () => {
    const ours = new Set([...before.keys()].map(nameOf));
    const lacking = [...theirs.keys()].filter(
      (series) => ours.has(nameOf(series)) && !before.has(series),
    );
    const isExplained = (series: string) =>
      SERIES_NOT_GIVEN.some(([pattern]) => pattern.test(series));
    expect(lacking.filter((series) => !isExplained(series))).toEqual([]);
  });
});
