// `npm start`: sets up if needed, then runs an aggregator and an agent for this machine until
// Ctrl-C. State is kept in ./data.
import { spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { root, setUp } from "./set-up.mjs";

const READY_URL = "http://127.0.0.1:7071/-/ready";
const UP_URL = "http://127.0.0.1:7071/api/v1/query?query=up";
const READY_MAX_MS = 30_000;
const NOBODY = `# Who is notified, in Alertmanager's format: docs/alerting.md
route: { receiver: nobody }
receivers: [{ name: nobody }]
`;

setUp();
const data = join(root, "data");
mkdirSync(join(data, "rules"), { recursive: true });
const routing = join(data, "notify.yaml");
if (!existsSync(routing)) writeFileSync(routing, NOBODY);
const children = new Set();
let isStopping = false;
for (const name of ["SIGINT", "SIGTERM"]) process.on(name, stop);

const aggregator = [
  "--data-dir",
  join(data, "aggregator"),
  "--rules",
  join(data, "rules/*.yaml"),
  "--notify",
  routing,
];
await Promise.all([
  startDaemon("telltale-aggregator", "aggregator", aggregator, READY_URL, () => true),
  startDaemon("telltale-agent", "agent", ["--data-dir", join(data, "agent")], UP_URL, (body) =>
    body.includes('"1"'),
  ),
]);
if (!isStopping) {
  console.log(`
Telltale runs: one aggregator, and an agent for this machine.

  page      http://localhost:7071/
  web API   http://localhost:7071/api/v1/query?query=up   (Prometheus' HTTP API)
  gRPC      localhost:7070
  agent     http://localhost:7072/metrics
  state     ${data}   (rules: data/rules/*.yaml, notifications: data/notify.yaml, logs: data/*.log)

Try in another terminal:

  npx telltale nodes
  npx telltale query 'sum by (mode) (rate(node_cpu_seconds_total[10s]))'
  npx telltale alerts

Ctrl-C ends both.`);
}

async function startDaemon(name, folder, args, url, isReady) {
  if (isStopping) return;
  const log = createWriteStream(join(data, `${folder}.log`), { flags: "a" });
  const child = spawn(process.execPath, [join(root, "dist", folder, "main.js"), ...args], {
    stdio: ["ignore", "inherit", "pipe"],
    detached: true, // Ctrl-C reaches only this process, which then ends them in order
  });
  children.add(child);
  let tail = "";
  child.stderr.on("data", (chunk) => {
    log.write(chunk);
    tail = `${tail}${chunk}`.slice(-4000);
  });
  child.on("exit", (code) => {
    children.delete(child);
    if (isStopping) return;
    console.error(`\n${name} ended with ${code}:\n${tail}`);
    process.exitCode = code || 1;
    void stop();
  });
  const until = Date.now() + READY_MAX_MS;
  while (!isStopping && Date.now() < until) {
    const response = await fetch(url).catch(() => null);
    if (response?.ok && isReady(await response.text())) return;
    await delay(50);
  }
  if (!isStopping) console.error(`${name} does not answer at ${url} yet; see data/${folder}.log`);
}

/** The agent first, so that it can say goodbye to the aggregator. */
async function stop() {
  if (isStopping) return;
  isStopping = true;
  for (const child of [...children].reverse()) {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await Promise.race([ended, delay(5000)]);
    child.kill("SIGKILL");
  }
}
