import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { Bed, DIST, Hook, killAtExit } from "../support/programs.ts";
import { patiently, SHIPPED } from "../support/shipped-rules.ts";

const NODES = Array.from({ length: 50 }, (_, n) => `node-${String(n + 1).padStart(2, "0")}`);
const NODES_A_PROCESS = 10;
/** How long a group waits for more is the default. */
const ROUTING = (url: string) => `
route: { receiver: hook, group_by: [alertname] }
receivers:
  - name: hook
    webhook_configs: [{ url: "${url}" }]
`;
/** As they are shipped but for the half minute in which a node may come back. */
const RULES = SHIPPED.replace(/(alert: TelltaleNodeDown\n[\s\S]*?for: )30s/, "$12s");

/** Agents with a connection each; what is returned ends them all at once. */
function startAgents(bed: Bed): () => Promise<void> {
  const processes: ChildProcess[] = [];
  for (let first = 0; first < NODES.length; first += NODES_A_PROCESS) {
    const names = NODES.slice(first, first + NODES_A_PROCESS);
    const program = join(DIST, "test/support/many-agents-main.js");
    const args = [program, bed.address, bed.path("agents"), ...names];
    const child = spawn(process.execPath, args, { stdio: "ignore" });
    killAtExit(child);
    processes.push(child);
  }
  return async () => {
    const ends = processes.map((child) => once(child, "close"));
    for (const child of processes) child.kill("SIGKILL");
    await Promise.all(ends);
  };
}

test("fifty nodes that are cut off at once are one message that names them all", async () => {
  await using hook = await Hook.open();
  await using bed = await Bed.open();
  expect(RULES.length).toBe(SHIPPED.length - 1);
  bed.write("rules/telltale.yaml", RULES);
  bed.write("notify.yaml", ROUTING(hook.url));
  await bed.startReadyAggregator();
  const startMs = performance.now();
  const cutOff = startAgents(bed);
  const isUp = `count(up == 1) == ${NODES.length}`;
  await patiently(async () => (await bed.query(isUp)).length === 1).catch(async (error) => {
    await cutOff();
    throw error;
  });
  const cutMs = performance.now();
  await cutOff();
  const isOffMs = performance.now();
  expect(hook.story).toEqual([]);
  await patiently(() => hook.received.length > 0);
  const toldMs = performance.now();
  const seconds = [cutMs - startMs, isOffMs - cutMs, toldMs - cutMs].map((ms) =>
    (ms / 1000).toFixed(1),
  );
  console.log(`up in, cut off within, told after the cut (s): ${seconds.join(", ")}`);
  await delay(2000); // what would be sent apart is sent at the same time
  expect(hook.received.length).toBe(1);
  const { alerts } = hook.received[0]?.body ?? { alerts: [] };
  expect(alerts.map(({ status, labels }) => `${status} ${labels["alertname"]}`)).toEqual(
    NODES.map(() => "firing TelltaleNodeDown"),
  );
  expect(alerts.map(({ labels }) => labels["instance"]).sort()).toEqual(NODES);
});
