import { appendFileSync, existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { linesOf } from "../support/log-lines.ts";
import { Bed, eventually, type Program } from "../support/programs.ts";

const FILES = ["a", "b", "c"];
const ROUNDS = 8;
const LINES_A_ROUND = 200;
const BETWEEN_KILLS_MS = 1500;
function configOf(bed: Bed, extra = ""): string {
  return bed.write(
    "agent.yaml",
    `logs:
  files:
    - include: ${bed.path("logs/*.log")}
      labels: {service: shop}
${extra}`,
  );
}

test("every line is stored once and in order though files rotate and both sides are killed", async () => {
  await using bed = await Bed.open();
  const folder = bed.path("logs");
  mkdirSync(folder);
  const config = `--config=${configOf(bed)}`;
  let aggregator = await bed.startReadyAggregator();
  let agent: Program = bed.start("agent", [config]);
  await bed.untilUp();
  let written = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of FILES) {
      const path = join(folder, `${name}.log`);
      for (let n = round; n >= 1; n -= 1) {
        const from = n === 1 ? path : `${path}.${n - 1}`;
        if (existsSync(from)) renameSync(from, `${path}.${n}`);
      }
      const lines = Array.from({ length: LINES_A_ROUND }, (_, n) => `${name} ${written + n}\n`);
      appendFileSync(path, lines.join(""));
    }
    written += LINES_A_ROUND;
    await delay(BETWEEN_KILLS_MS);
    if (round % 2 === 0) {
      await agent.kill();
      agent = bed.start("agent", [config]);
    } else {
      await aggregator.kill();
      aggregator = await bed.startReadyAggregator();
    }
  }
  for (const name of FILES) {
    const filename = join(folder, `${name}.log`);
    const all = Array.from({ length: written }, (_, n) => `${name} ${n}`);
    let stored: string[] = [];
    const isComplete = async () => {
      stored = await linesOf(bed, `{filename="${filename}"}`);
      return stored.length >= written;
    };
    await eventually(isComplete).catch(() => {}); // what is missing tells more than that it is
    expect(stored).toEqual(all);
  }
  const books = (name: string) => `sum(telltale_node_log_blocks_${name})`;
  await eventually(async () => (await bed.query(`${books("waiting")} == 0`)).length === 1);
  expect(await bed.query(books("unaccounted"))).toEqual([[{}, 0]]);
  expect(await bed.query(`${books("made_total")} - ${books("stored_total")}`)).toEqual([[{}, 0]]);
});

test("a secret never leaves the machine, and a stack trace is one entry", async () => {
  await using bed = await Bed.open();
  mkdirSync(bed.path("logs"));
  const rules = `  mask_rules:
    - {name: badge, pattern: 'badge=(\\d+)'}
`;
  await bed.startReadyAggregator();
  bed.start("agent", [`--config=${configOf(bed, rules)}`]);
  await bed.untilUp();
  const trace = ["java.lang.IllegalStateException: no", "\tat shop.Cart.add(Cart.java:7)"];
  const text = ["login password=hunter2 badge=4711", ...trace, "", "done"].join("\n");
  appendFileSync(bed.path("logs/app.log"), `${text}\n`);
  let stored: string[] = [];
  await eventually(async () => {
    stored = await linesOf(bed, `{service="shop"}`);
    return stored.at(-1) === "done";
  });
  expect(stored.slice(0, 2)).toEqual([
    "login password=<masked:password> badge=<masked:badge>",
    trace.join("\n"),
  ]);
  const page = await bed.agentPage();
  expect(page).toContain('telltale_agent_log_masked_total{rule="password"} 1');
});
