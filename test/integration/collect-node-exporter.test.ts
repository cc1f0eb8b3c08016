import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCollectors } from "../../agent/collect/collectors.ts";
import { Faults } from "../../agent/collect/context.ts";
import { HOST_COLLECTORS } from "../../agent/collect/host-collectors.ts";
import { ReadBuffer } from "../../agent/collect/kit/held-file.ts";
import type { ScheduledCollector } from "../../agent/collect/tick.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import { NODE_EXPORTER_LEFT_OUT } from "../support/left-out.ts";
import { RecordingSink } from "../unit/collect/recording-sink.ts";

/** Beside the real one: what both tell must be the same, and what it tells must be told by us. */
const EXPORTER = "/usr/bin/prometheus-node-exporter";

/** Series that node_exporter 1.5 gives and we do not, of names that both give, and why. */
const SERIES_NOT_GIVEN: readonly (readonly [series: RegExp, reason: string])[] = [
  [
    /^node_disk_.*device="zram\d+"/,
    "memory, not a disk: left out by node_exporter too, from 1.6 on",
  ],
];

/** About the exporter, not about the host. */
const OWN = /^(?:node_scrape_|node_exporter_|go_|process_|promhttp_)/;

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

type Sample = { readonly name: string; readonly value: number };
type Samples = ReadonlyMap<string, Sample>;

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** Series by name and labels, whatever their order; an empty label is none, and `job` is ours. */
function samplesOf(lines: Iterable<string>): Map<string, Sample> {
  const samples = new Map<string, Sample>();
  for (const line of lines) {
    const [, name = "", labels = "", value = ""] = LINE.exec(line) ?? [];
    if (!name.startsWith("node_") || OWN.test(name)) continue;
    const pairs = [...labels.matchAll(LABEL)].filter(([, key, text]) => key !== "job" && text);
    const sorted = pairs.map(([, key, text]) => `${key}="${text}"`).sort();
    samples.set(`${name}{${sorted.join(",")}}`, { name, value: Number(value) });
  }
  return samples;
}

/** All that an agent runs for the host; a reading is what stands after everything had its turn. */
class Reader {
  readonly #sinks = [new RecordingSink(), new RecordingSink()] as const;
  readonly #collectors: readonly Pick<ScheduledCollector, "collector" | "group">[];

  constructor() {
    const [first, second] = this.#sinks;
    const wired = createCollectors({ hostRoot: "/", cgroupsMax: 100 }, nodeClock, first.groups);
    const names = new Set(wired.map(({ collector }) => collector.name));
    const faults = new Faults(second);
    const context = {
      hostRoot: "/",
      buffer: new ReadBuffer(),
      sink: second,
      faults,
      background: new SerialQueue(),
      clock: nodeClock,
    };
    const rest = HOST_COLLECTORS.filter((entry) => entry.isOnByDefault && !names.has(entry.name));
    this.#collectors = [
      ...wired,
      ...rest.map(({ create }) => ({ collector: create(context), group: null })),
    ];
  }

  async read(nowMs = Date.now()): Promise<Samples> {
    await this.#runWhenRead(nowMs);
    // File systems are asked in the background.
    await sleep(50);
    return await this.#runWhenRead(nowMs);
  }

  close(): void {
    for (const { collector } of this.#collectors) collector.close();
  }

  /** To a reading of before, in the background, a minute may seem to have passed. */
  async #runWhenRead(nowMs: number): Promise<Samples> {
    for (let tries = 0; ; tries += 1) {
      try {
        return this.#run(nowMs);
      } catch (error) {
        if (tries > 100 || !String(error).includes("Reading ")) throw error;
        await sleep(50);
      }
    }
  }

  #run(nowMs: number): Samples {
    for (const sink of this.#sinks) sink.begin();
    for (const { collector, group } of this.#collectors) {
      collector.collect(nowMs);
      const { readAtMs = nowMs } = collector;
      if (readAtMs !== null) group?.read(readAtMs);
    }
    const lines = this.#sinks.flatMap((sink) => [...sink.values()]);
    return samplesOf(lines.map(([series, value]) => `${series} ${value}`));
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function scrape(port: number): Promise<Samples> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  return samplesOf((await response.text()).split("\n"));
}

async function untilUp(port: number): Promise<void> {
  for (let i = 0; i < 100; i += 1) {
    const isUp = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    if (isUp) return;
    await sleep(100);
  }
  throw new Error("node_exporter did not start within 10 s");
}

/** Whether theirs is what passed between our readings; the two print fractions differently. */
function isBetween(before: number, theirs: number, after: number, tolerance: number): boolean {
  const slack = tolerance + 1e-9 * Math.max(1, Math.abs(theirs));
  return theirs >= Math.min(before, after) - slack && theirs <= Math.max(before, after) + slack;
}

describe.skipIf(!existsSync(EXPORTER))("beside node_exporter (skipped where it is not)", () => {
  let exporter: ChildProcess | null = null;
  let before: Samples = new Map();
  let theirs: Samples = new Map();
  let after: Samples = new Map();

  beforeAll(async () => {
    const port = await freePort();
    exporter = spawn(EXPORTER, [`--web.listen-address=127.0.0.1:${port}`], { stdio: "ignore" });
    await untilUp(port);
    const [first, second] = [new Reader(), new Reader()];
    // A first time for both, long enough ago that the next reads everything again.
    for (const reader of [first, second]) await reader.read(Date.now() - 60_000);
    before = await first.read();
    theirs = await scrape(port);
    after = await second.read();
    first.close();
    second.close();
  }, 30_000);

  afterAll(() => {
    exporter?.kill("SIGKILL");
  });

  test("what both tell is the same, or lies between our two readings", () => {
    const wrong: string[] = [];
    let compared = 0;
    let exact = 0;
    for (const [series, { name, value }] of theirs) {
      const [earlier, later] = [before.get(series), after.get(series)];
      if (earlier === undefined || later === undefined) continue;
      compared += 1;
      if (isBetween(earlier.value, value, later.value, 0)) {
        exact += 1;
        continue;
      }
      const tolerance = MOVING.find(([pattern]) => pattern.test(name))?.[1] ?? 0;
      if (isBetween(earlier.value, value, later.value, tolerance)) continue;
      wrong.push(`${series}: ${earlier.value} ≤ ${value} ≤ ${later.value}`);
    }
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(300);
    // What the tolerances are for is seldom so far off that they are needed.
    expect(exact / compared).toBeGreaterThan(0.9);
  });

  test("95 of 100 names are told by us, and the rest is explained", () => {
    const ours = new Set([...before.values()].map(({ name }) => name));
    const names = [...new Set([...theirs.values()].map(({ name }) => name))];
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
    const ours = new Set([...before.values()].map(({ name }) => name));
    const lacking = [...theirs].filter(
      ([series, { name }]) => ours.has(name) && !before.has(series),
    );
    const unexplained = lacking.filter(
      ([series]) => !SERIES_NOT_GIVEN.some(([pattern]) => pattern.test(series)),
    );
    expect(unexplained.map(([series]) => series)).toEqual([]);
  });
});
