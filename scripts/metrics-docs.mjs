// `npm run docs:metrics`: writes docs/metrics.md from what the built agent collects of this machine,
// of the fixtures and of a tree of devices, and from what it shows on its own page.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { collectorNames } from "../dist/agent/collect/collectors.js";
import { writeTree } from "../dist/test/integration/device-tree.js";
import { addCollected, addPage, FixtureRoots } from "../dist/test/support/metric-list.js";
import { readPeers, renderMetrics } from "../dist/test/support/metrics-document.js";

const ROOT = join(import.meta.dirname, "..");
const SHARED = process.env.TELLTALE_SHARED ?? join(ROOT, "../shared");
const PORT = 7972;

/** The agent's page once all its collectors have run; it has no aggregator to send to. */
async function agentPage(hostRoot) {
  const directory = mkdtempSync(join(tmpdir(), "telltale-docs-"));
  const config = join(directory, "agent.yaml");
  const collectors = `collectors: { enable: [${collectorNames().join(", ")}] }`;
  const logs = `logs: { journal: true, files: [{ include: ${directory}/*.log }] }`;
  writeFileSync(config, `${collectors}\n${logs}\n`);
  const args = [
    join(ROOT, "dist/agent/main.js"),
    `--config=${config}`,
    `--host-root=${hostRoot}`,
    `--data-dir=${join(directory, "agent")}`,
    "--aggregator=127.0.0.1:9",
    `--listen=127.0.0.1:${PORT}`,
    "--log-level=error",
  ];
  const agent = spawn(process.execPath, args, { stdio: "ignore" });
  try {
    await delay(12_000);
    return await (await fetch(`http://127.0.0.1:${PORT}/metrics`)).text();
  } finally {
    const ended = once(agent, "exit");
    agent.kill();
    await ended;
    rmSync(directory, { recursive: true });
  }
}

const fixtures = new FixtureRoots(SHARED);
if (fixtures.paths.length === 0) {
  console.error("The fixtures are needed: set TELLTALE_SHARED");
  process.exit(2);
}
const list = new Map();
addPage(list, await agentPage("/"));
// Hardware that no one machine has all of.
const devices = mkdtempSync(join(tmpdir(), "telltale-docs-devices-"));
writeTree(devices);
addPage(list, await agentPage(devices));
rmSync(devices, { recursive: true });
for (const path of ["/", ...fixtures.paths]) addCollected(list, path);
fixtures[Symbol.dispose]();
writeFileSync(join(ROOT, "docs/metrics.md"), renderMetrics(list, readPeers(ROOT)));
console.log(`docs/metrics.md: ${list.size} metrics`);
