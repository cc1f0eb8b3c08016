import { describe, expect, test } from "vitest";
import { JOURNAL_KEY, JournalReader } from "../../../agent/logs/journal/journal-reader.ts";
import type { RunJournalctl } from "../../../agent/logs/journal/journalctl.ts";
import { newShapeCounts } from "../../../agent/logs/shape/shape-counts.ts";
import { JOIN_DEFAULTS, LINE_BYTES_MAX } from "../../../agent/logs/shape/shape-options.ts";
import type { LineSink } from "../../../agent/logs/tail/ports.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { cursorOf, entry } from "../../support/journal-export.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { metricTotal } from "../../support/metric-total.ts";
import { SeededRandom } from "../../support/random.ts";

const SHAPE = {
  ...{ lineBytesMax: LINE_BYTES_MAX, encoding: null, join: JOIN_DEFAULTS, masker: null },
  counts: newShapeCounts(),
};

/** A journal, and a journalctl that reads it: what the reader asks is what it gets. */
class MemoryJournal {
  readonly entries: Buffer[] = [];
  readonly runs: (readonly string[])[] = [];
  /** Fails at the piece with this number; null: it does not. */
  failsAt: number | null = null;
  taken = 0;
  #wake = () => {};

  add(...entries: readonly Buffer[]): void {
    this.entries.push(...entries);
    this.#wake();
  }

  readonly journalctl: RunJournalctl = (args, signal) => this.#run(args, signal);

  async *#run(args: readonly string[], signal: AbortSignal) {
    this.runs.push(args);
    if (args.includes("--lines=1")) {
      yield* this.entries.slice(-1);
      return;
    }
    const after = args.find((arg) => arg.startsWith("--after-cursor="))?.slice(15);
    const isAfter = (bytes: Buffer) => bytes.includes(`__CURSOR=${after}\n`);
    signal.addEventListener("abort", () => this.#wake(), { once: true });
    for (let at = this.entries.findIndex(isAfter) + 1; !signal.aborted; at += 1) {
      while (at >= this.entries.length) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        if (signal.aborted) return;
      }
      if (this.failsAt !== null && this.taken >= this.failsAt) {
        this.failsAt = null;
        throw new OperationalError("UNAVAILABLE", "journalctl failed: it was killed");
      }
      this.taken += 1;
      yield this.entries[at] ?? Buffer.alloc(0);
    }
  }
}

class Bed {
  readonly clock = new FakeClock();
  readonly journal = new MemoryJournal();
  readonly files = new MemoryFiles(() => this.clock.nowMs());
  readonly logger = new MemoryLogger();
  readonly metrics = new Metrics();
  readonly lines: string[] = [];
  cursor: Uint8Array | null = null;
  beforeAppend: () => Promise<void> = async () => {};
  #stop = new AbortController();
  #run: Promise<void> = Promise.resolve();

  readonly sink: LineSink = {
    append: async (lines, cursors) => {
      const stop = this.#stop;
      await this.beforeAppend();
      if (stop.signal.aborted) return;
      for (const { bytes } of lines) this.lines.push(Buffer.from(bytes).toString());
      for (const { key, value } of cursors) if (key === JOURNAL_KEY) this.cursor = value;
    },
  };

  start(journalctl: RunJournalctl = this.journal.journalctl): void {
    const { clock, files, sink, logger, metrics } = this;
    const deps = { journalctl, files, sink, clock, logger, metrics, random: () => 1 };
    const cursors = this.cursor === null ? [] : [{ key: JOURNAL_KEY, value: this.cursor }];
    const options = { hostRoot: "/", shape: SHAPE, labels: {} };
    this.#stop = new AbortController();
    const reader = new JournalReader({ ...deps, findContainer: () => null }, options, cursors);
    this.#run = reader.run(this.#stop.signal);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#run;
  }
}

describe("the journal's reader", () => {
  test("the first time it reads what comes from now on, later from where it was", async () => {
    const bed = new Bed();
    bed.journal.add(entry(1, "old"), entry(2, "older than the agent"));
    bed.start();
    await bed.clock.advance(3000);
    expect(Buffer.from(bed.cursor ?? []).toString()).toBe(cursorOf(2));
    bed.journal.add(entry(3, "new"));
    await bed.clock.advance(3000);
    await bed.stop();
    bed.journal.add(entry(4, "while it was away"));
    bed.start();
    await bed.clock.advance(3000);
    await bed.stop();
    expect(bed.lines).toEqual(["new", "while it was away"]);
    expect(metricTotal(bed.metrics, "telltale_agent_log_journal_lines_total")).toBe(2);
    expect(metricTotal(bed.metrics, "telltale_agent_log_journal_entries_total")).toBe(2);
  });

  test("of a journal that is empty the first time nothing is left out, also over a restart", async () => {
    const bed = new Bed();
    bed.start();
    await bed.clock.advance(3000);
    await bed.stop();
    bed.journal.add(entry(1, "first"));
    bed.start();
    await bed.clock.advance(3000);
    await bed.stop();
    expect(bed.lines).toEqual(["first"]);
  });

  test("when the child dies another one goes on, later and later, and it is logged once", async () => {
    const bed = new Bed();
    bed.start();
    await bed.clock.advance(1000);
    for (let n = 1; n <= 5; n += 1) {
      bed.journal.failsAt = bed.journal.taken;
      bed.journal.add(entry(n, `line ${n}`));
      await bed.clock.advance(35_000);
    }
    await bed.stop();
    expect(bed.lines).toEqual([1, 2, 3, 4, 5].map((n) => `line ${n}`));
    expect(metricTotal(bed.metrics, "telltale_agent_log_journal_faults_total")).toBe(5);
    expect(bed.logger.messages("error").length).toBe(bed.logger.messages("info").length);
  });

  test("a machine without journalctl is told once, and asked for at most once a minute", async () => {
    const bed = new Bed();
    let asked = 0;
    bed.start(async function* () {
      asked += 1;
      yield* [];
      throw new OperationalError("NOT_FOUND", "Cannot run journalctl: ENOENT");
    });
    await bed.clock.advance(3_600_000);
    await bed.stop();
    expect(asked).toBeGreaterThan(50);
    expect(asked).toBeLessThan(75);
    expect(bed.logger.messages()).toEqual(["cannot read the systemd journal"]);
  });

  test("while the sink has no room the journal is not read", async () => {
    const bed = new Bed();
    bed.start();
    await bed.clock.advance(2000);
    let makeRoom = () => {};
    const room = new Promise<void>((resolve) => {
      makeRoom = resolve;
    });
    bed.beforeAppend = () => room;
    const lines = Array.from({ length: 1000 }, (_, n) => `${n} ${"x".repeat(1000)}`);
    bed.journal.add(...lines.map((line, n) => entry(n + 1, line)));
    await bed.clock.advance(60_000);
    expect(bed.journal.taken).toBeLessThan(400);
    makeRoom();
    await bed.clock.advance(5000);
    await bed.stop();
    expect(bed.lines).toEqual(lines);
  });

  test("what cannot be stored is stored later, and not twice", async () => {
    const bed = new Bed();
    bed.start();
    await bed.clock.advance(2000);
    let failures = 3;
    bed.beforeAppend = async () => {
      failures -= 1;
      if (failures >= 0) throw new OperationalError("STORAGE", "Disk is full");
    };
    bed.journal.add(entry(1, "line"));
    await bed.clock.advance(20_000);
    await bed.stop();
    expect(bed.lines).toEqual(["line"]);
    expect(bed.logger.messages("error")).toEqual(["cannot store lines of the systemd journal"]);
  });

  test("what is no export is counted, and read again from the last entry on", async () => {
    const bed = new Bed();
    bed.start();
    await bed.clock.advance(2000);
    bed.journal.add(entry(1, "good"));
    await bed.clock.advance(3000);
    bed.journal.add(Buffer.from(`${"X".repeat(400)}\n`));
    await bed.clock.advance(500);
    bed.journal.entries.pop();
    bed.journal.add(entry(2, "next"));
    await bed.clock.advance(30_000);
    await bed.stop();
    expect(bed.lines).toEqual(["good", "next"]);
    expect(metricTotal(bed.metrics, "PARSE")).toBe(1);
  });

  test("a cursor that is damaged is not handed to journalctl", async () => {
    const bed = new Bed();
    bed.cursor = Buffer.from("--file=/etc/passwd");
    bed.journal.add(entry(1, "old"));
    bed.start();
    await bed.clock.advance(2000);
    bed.journal.add(entry(2, "new"));
    await bed.clock.advance(3000);
    await bed.stop();
    expect(bed.lines).toEqual(["new"]);
    expect(bed.journal.runs.flat().filter((arg) => arg.includes("passwd"))).toEqual([]);
  });

  test.each([
    ["cd".repeat(16), [`_MACHINE_ID=${"cd".repeat(16)}`]],
    ["--file=/etc/passwd", []],
  ])("of the machine with the id %s it reads the entries alone", async (id, expected) => {
    const bed = new Bed();
    bed.files.create("/etc/machine-id", Buffer.from(`${id}\n`));
    bed.start();
    await bed.clock.advance(2000);
    await bed.stop();
    expect(bed.journal.runs.length).toBe(2);
    for (const args of bed.journal.runs) {
      expect(args.filter((arg) => /MACHINE|passwd/.test(arg))).toEqual(expected);
    }
  });

  test("over crashes at any moment each entry is there once, in its order", async () => {
    for (let seed = 1; seed <= 15; seed += 1) {
      const random = new SeededRandom(`journal ${seed}`);
      const bed = new Bed();
      const written: string[] = [];
      bed.start();
      await bed.clock.advance(1000);
      bed.beforeAppend = async () => {
        if (random.chance(0.2)) await bed.clock.sleep(random.int(1, 3000));
        if (random.chance(0.1)) throw new OperationalError("STORAGE", "Disk is full");
      };
      for (let n = 1; n <= 60; n += 1) {
        const unit = random.pick(["a", "b"]);
        written.push(`${unit} ${n}`);
        bed.journal.add(entry(n, `${unit} ${n}`, { _SYSTEMD_UNIT: `${unit}.service` }));
        if (random.chance(0.5)) await bed.clock.advance(random.int(0, 2500));
        if (random.chance(0.1)) bed.journal.failsAt = bed.journal.taken + random.int(0, 2);
        if (!random.chance(0.1)) continue;
        await bed.stop();
        await settle();
        bed.start();
      }
      bed.beforeAppend = async () => {};
      bed.journal.failsAt = null;
      await bed.clock.advance(70_000);
      await bed.stop();
      for (const unit of ["a", "b"]) {
        const of = (lines: readonly string[]) => lines.filter((line) => line.startsWith(unit));
        expect({ seed, lines: of(bed.lines) }).toEqual({ seed, lines: of(written) });
      }
    }
  });
});
