import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { checkBooks, readAgentAccounts } from "../support/accounts.ts";
import { Bed, eventually, Program, runProgram } from "../support/programs.ts";

async function buffer(bed: Bed, ...args: string[]) {
  const [name = "", ...rest] = args;
  return await runProgram("agent", ["buffer", name, `--data-dir=${bed.path("agent")}`, ...rest]);
}

test("a stopped agent's buffer is inspected, verified, exported and salvaged", async () => {
  await using bed = await Bed.open();
  // In two lives: what the first made lies in a table, and the second in the log.
  let agent = bed.start("agent", ["--interval=200ms"]);
  await eventually(async () => (await readAgentAccounts(bed)).waiting > 5);
  await agent.stop();
  agent = bed.start("agent", ["--interval=200ms"]);
  await eventually(async () => (await readAgentAccounts(bed)).waiting > 10);
  const running = await buffer(bed, "inspect");
  expect(running.code).toBe(2);
  expect(running.errors).toContain("Stop the agent first");
  await agent.stop();

  const names = readdirSync(bed.path("agent"));
  const shown = await buffer(bed, "inspect", "--output=json");
  const inspection = JSON.parse(shown.output);
  expect(inspection.waiting).toBeGreaterThan(10);
  expect(inspection.findings).toEqual([]);
  expect((await buffer(bed, "inspect")).output).toMatch(/waiting +\d+\n/);
  expect(await buffer(bed, "verify")).toMatchObject({ code: 0, errors: "" });
  const exported = await buffer(bed, "export");
  expect(exported.code).toBe(0);
  const readings = exported.output.trim().split("\n");
  const frames = new Set(readings.map((line) => JSON.parse(line).seq)); // a line a reading in it
  expect(frames.size).toBe(inspection.frames);
  const last = JSON.parse(readings.at(-1) ?? "");
  const place = last.series.findIndex((one: object) => "__name__" in one);
  expect(typeof last.values[place]).toBe("number");
  expect(readdirSync(bed.path("agent")).sort()).toEqual(names.sort()); // nothing was left behind

  damageTable(bed.path("agent"));
  const bad = await buffer(bed, "verify");
  expect(bad.code).toBe(1);
  expect(bad.output).toContain("salvage");
  const saved = bed.path("saved");
  expect((await buffer(bed, "salvage", `--to=${saved}`)).code).toBe(0);
  expect((await buffer(bed, "salvage", `--to=${saved}`)).code).toBe(2);
  // What is lost is known, and nothing else is wrong with it.
  const again = await runProgram("agent", ["buffer", "verify", `--data-dir=${saved}`]);
  expect(again.output).not.toMatch(/block|checksum|balance|had to be/);
  const kept = await runProgram("agent", ["buffer", "export", `--data-dir=${saved}`]);
  expect(kept.output.split("\n").length).toBeGreaterThan(1);
  expect((await buffer(bed, "verify")).code).toBe(1); // the old one is as it was
  expect((await buffer(bed, "inspect", "--output=xml")).code).toBe(2);
  expect((await runProgram("agent", ["buffer", "--help"])).output).toContain("Examples:");
});

/** Changes a byte in the middle of the largest table. */
function damageTable(directory: string): void {
  const [path = ""] = readdirSync(directory)
    .filter((name) => name.endsWith(".ldb"))
    .map((name) => join(directory, name))
    .sort((a, b) => statSync(b).size - statSync(a).size);
  const bytes = readFileSync(path);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 0x5a;
  writeFileSync(path, bytes);
}

const canMount = spawnSync("unshare", ["-m", "true"]).status === 0;

test.skipIf(!canMount)(
  "a small disk that fills up and is freed again costs ticks, counted, and no more",
  async () => {
    await using bed = await Bed.open();
    const aggregator = await bed.startReadyAggregator();
    const small = bed.path("agent");
    mkdirSync(small);
    const command = [
      `mount -t tmpfs -o size=20m tmpfs '${small}'`,
      `exec '${process.execPath}' '${Program.path("agent")}' ${bed.agentArgs().join(" ")} --interval=200ms`,
    ].join(" && ");
    const agent = spawn("unshare", ["-m", "sh", "-c", command], { stdio: "ignore" });
    try {
      await eventually(async () => (await readAgentAccounts(bed)).stored > 10);
      const inside = `/proc/${agent.pid}/root${small}`;
      const filler = join(inside, "filler");
      for (let bytes = 20 * 2 ** 20; bytes >= 4096; bytes = Math.floor(bytes / 2)) {
        try {
          writeFileSync(filler, Buffer.alloc(bytes), { flag: "a" });
        } catch {
          // full: with less, until nothing fits
        }
      }
      await eventually(async () => (await readAgentAccounts(bed)).dropped > 5, 60_000);
      expect(agent.exitCode).toBeNull();
      rmSync(filler);
      const { made, dropped } = await readAgentAccounts(bed);
      await eventually(
        async () => (await readAgentAccounts(bed)).stored > made - dropped + 10,
        60_000,
      );
      const after = await readAgentAccounts(bed);
      checkBooks(after);
      await delay(1000);
      expect((await readAgentAccounts(bed)).dropped).toBe(after.dropped);
    } finally {
      agent.kill("SIGKILL");
      await once(agent, "close");
      await aggregator.stop();
    }
  },
);
