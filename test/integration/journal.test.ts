import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { JournalReader } from "../../agent/logs/journal/journal-reader.ts";
import { journalctl } from "../../agent/logs/journal/journalctl.ts";
import { Masker } from "../../agent/logs/shape/masker.ts";
import { newShapeCounts } from "../../agent/logs/shape/shape-counts.ts";
import { JOIN_DEFAULTS, LINE_BYTES_MAX } from "../../agent/logs/shape/shape-options.ts";
import { diskFiles } from "../../agent/logs/tail/disk-files.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { directoryForTest } from "../support/directory-for-test.ts";
import { JournalBed, whyNoJournal } from "../support/journal-bed.ts";
import { exported } from "../support/journal-export.ts";
import { MemoryLogger } from "../support/memory-logger.ts";
import { MemorySink } from "../support/memory-sink.ts";
import { metricTotal } from "../support/metric-total.ts";
import { eventually } from "../support/programs.ts";

const why = whyNoJournal();
const REMOTE = "/lib/systemd/systemd-journal-remote";
const hasRemote = spawnSync(REMOTE, ["--version"]).status === 0;

/** A reader of the journal below `hostRoot`, as the agent has one. */
class Reading {
  readonly sink = new MemorySink();
  readonly logger = new MemoryLogger();
  readonly metrics = new Metrics();
  readonly #hostRoot: string;
  #stop = new AbortController();
  #run: Promise<void> = Promise.resolve();

  constructor(hostRoot: string) {
    this.#hostRoot = hostRoot;
    onTestFinished(() => this.stop());
  }

  start(program?: string): void {
    const counts = newShapeCounts();
    const shape = {
      ...{ lineBytesMax: LINE_BYTES_MAX, encoding: null, join: JOIN_DEFAULTS, counts },
      masker: new Masker([], counts),
    };
    const deps = {
      ...{ journalctl: journalctl(program), files: diskFiles(), sink: this.sink },
      ...{ clock: nodeClock, random: () => 0.1, logger: this.logger, metrics: this.metrics },
      findContainer: () => null,
    };
    this.#stop = new AbortController();
    const reader = new JournalReader(
      deps,
      { hostRoot: this.#hostRoot, shape, labels: {} },
      this.sink.cursors,
    );
    this.#run = reader.run(this.#stop.signal);
  }

  async begun(): Promise<void> {
    await eventually(async () => this.sink.cursors.length > 0);
  }

  async has(text: string): Promise<void> {
    await eventually(async () => this.sink.texts().includes(text));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#run;
  }
}

/** Processes of journalctl that read this journal. */
function readersOf(hostRoot: string): number[] {
  const { stdout } = spawnSync("pgrep", ["-f", `journalctl.*--root=${hostRoot}`], {
    encoding: "utf8",
  });
  return stdout.split("\n").filter(Boolean).map(Number);
}

describe.skipIf(why !== null)(`a real journal${why === null ? "" : ` (skipped: ${why})`}`, () => {
  test("what programs print and log, from now on, is there with its labels", async () => {
    await using bed = await JournalBed.open();
    const reading = new Reading(bed.hostRoot);
    await bed.print("app", "before the agent\n");
    reading.start();
    await reading.begun();
    await bed.print("app", "java.lang.IllegalStateException: no\n\tat a.B.c(B.java:1)\nnext\n");
    await bed.print("app", "password=hunter2\n", "err");
    await bed.print("app", Buffer.from([0x61, 0xff, 0x62, 10]), "err");
    await bed.print("app", `${"x".repeat(100_000)}\n`, "debug");
    await bed.log({ MESSAGE: "native", PRIORITY: "4", SYSLOG_IDENTIFIER: "tool" });
    await bed.log({ MESSAGE: "the last", SYSLOG_IDENTIFIER: "tool" });
    await reading.has("the last");
    const app = (level = "") => `{identifier="app", job="journal",${level} service="app"}`;
    expect(reading.sink.texts(app())).toEqual([
      "java.lang.IllegalStateException: no\n\tat a.B.c(B.java:1)",
      "next",
    ]);
    expect(reading.sink.texts(app(' level="error",'))).toEqual([
      "password=<masked:password>",
      "a\ufffdb",
    ]);
    expect(reading.sink.texts(app(' level="debug",'))).toEqual(["x".repeat(100_000)]);
    expect(reading.sink.texts('{identifier="tool", job="journal", level="warn"')).toEqual([
      "native",
    ]);
    expect(reading.sink.texts()).not.toContain("before the agent");
    const [line] = reading.sink.lines;
    expect(Math.abs((line?.timeUs ?? 0) / 1000 - nodeClock.nowMs())).toBeLessThan(30_000);
  });

  test("children that are killed, restarts and a journald that crashes cost no line and double none", async () => {
    await using bed = await JournalBed.open();
    const reading = new Reading(bed.hostRoot);
    reading.start();
    await reading.begun();
    const written: string[] = [];
    for (let turn = 0; turn < 12; turn += 1) {
      const lines = Array.from({ length: 200 }, (_, n) => `line ${written.length + n}`);
      written.push(...lines);
      await bed.print("app", `${lines.join("\n")}\n`);
      if (turn % 4 === 1) for (const pid of readersOf(bed.hostRoot)) process.kill(pid, "SIGKILL");
      if (turn % 4 === 2) await reading.stop();
      if (turn % 4 === 3) reading.start();
      if (turn === 5) await bed.restart();
      await delay(300);
    }
    await reading.has(written.at(-1) ?? "");
    expect(reading.sink.texts('"app"')).toEqual(written);
    expect(metricTotal(reading.metrics, "telltale_agent_log_journal_faults_total")).toBe(3);
    await reading.stop();
    expect(readersOf(bed.hostRoot)).toEqual([]);
  });

  test("a program that pretends to be a container is what it is", async () => {
    await using bed = await JournalBed.open();
    const reading = new Reading(bed.hostRoot);
    reading.start();
    await reading.begun();
    const container = { CONTAINER_NAME: "web", CONTAINER_ID_FULL: "ab".repeat(32) };
    await bed.log({ ...container, MESSAGE: "pretended", SYSLOG_IDENTIFIER: "evil" });
    await reading.has("pretended");
    expect(reading.sink.lines.map(({ labels }) => labels)).toEqual([
      '{identifier="evil", job="journal", service="evil"}',
    ]);
  });
});

describe.skipIf(!hasRemote)("a journal of another machine or another time", () => {
  const ID = "cd".repeat(16);

  function entryAt(n: number, message: string, boot: string, machine = ID) {
    return exported({
      __REALTIME_TIMESTAMP: String(1_796_008_365_000_000 + n * 1_000_000),
      __MONOTONIC_TIMESTAMP: String(1000 + n),
      _BOOT_ID: boot.repeat(32),
      _MACHINE_ID: machine,
      _TRANSPORT: "stdout",
      _SYSTEMD_UNIT: "app.service",
      PRIORITY: "6",
      MESSAGE: message,
    });
  }

  function hostRoot(): string {
    const root = directoryForTest();
    mkdirSync(join(root, "etc"));
    writeFileSync(join(root, "etc/machine-id"), `${ID}\n`);
    mkdirSync(join(root, "var/log/journal", ID), { recursive: true });
    mkdirSync(join(root, "var/log/journal/remote"), { recursive: true });
    return root;
  }

  function add(root: string, file: string, entries: readonly Buffer[]): void {
    const path = join(root, "var/log/journal", file);
    const { status } = spawnSync(REMOTE, ["-o", path, "-"], { input: Buffer.concat(entries) });
    expect(status).toBe(0);
  }

  test("lines from before a boot come, too, and those of other machines do not", async () => {
    const root = hostRoot();
    const reading = new Reading(root);
    reading.start();
    await reading.begun(); // an empty journal: from its beginning
    await reading.stop();
    add(root, `${ID}/system.journal`, [entryAt(1, "old boot", "a"), entryAt(2, "shutdown", "a")]);
    add(root, `${ID}/system2.journal`, [entryAt(3, "new boot", "b")]);
    add(root, "remote/remote-x.journal", [entryAt(4, "elsewhere", "c", "ef".repeat(16))]);
    reading.start();
    await reading.has("new boot");
    await delay(2500);
    expect(reading.sink.texts()).toEqual(["old boot", "shutdown", "new boot"]);
    await reading.stop();
    add(root, `${ID}/system3.journal`, [entryAt(5, "third boot", "d")]);
    reading.start();
    await reading.has("third boot");
    expect(reading.sink.texts().length).toBe(4);
    expect(new Set(reading.sink.lines.map(({ labels }) => labels))).toEqual(
      new Set(['{job="journal", service="app", unit="app.service"}']),
    );
  });
});

test("a machine without journalctl, or with one that fails, is told so", async () => {
  const reading = new Reading("/");
  reading.start("/nowhere/journalctl");
  await eventually(async () => metricTotal(reading.metrics, "NOT_FOUND") > 0);
  await reading.stop();
  reading.start("false");
  await eventually(async () => metricTotal(reading.metrics, "UNAVAILABLE") > 0);
  await reading.stop();
  expect(reading.logger.lines.map(({ fields }) => fields)).toEqual([
    { error: "Cannot run journalctl: spawn /nowhere/journalctl ENOENT" },
    { error: "journalctl failed: exit code 1" },
  ]);
});
