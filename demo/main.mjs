// The demo: a shop of three services, asked twenty times a second. payments gets a release that is
// slow and fails, and is rolled back, again and again. An agent scrapes them, an aggregator keeps what
// it says, and `telltale services` says which one is at fault, and since when. Ends with Ctrl-C.
//
//   node demo/main.mjs [--period SECONDS]    of a fault, and of the time without one
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";

const WINDOW_S = 120; // that the shipped rules look back
const SHOW_EVERY_MS = 15_000;
const ASK_EVERY_MS = 50;
const START_MAX_MS = 60_000;

const { values: options } = parseArgs({
  options: { period: { type: "string", default: "120" } },
});
const periodMs = Number(options.period) * 1000;
const root = join(import.meta.dirname, "..");
const directory = mkdtempSync(join(tmpdir(), "telltale-demo-"));
const ports = await freePorts(["grpc", "http", "shop", "orders", "payments"]);
const stop = new AbortController();
/** In the order in which they were started. */
const children = new Set();

process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
for (const name of ["SIGINT", "SIGTERM"]) process.on(name, () => stop.abort());
try {
  await run();
} catch (error) {
  if (!stop.signal.aborted) {
    console.error(error);
    process.exitCode = 1;
  }
}
await end();

async function run() {
  writeFiles();
  startService("payments");
  startService("orders", ["--next", urlOf("payments"), "--tries", "2"]);
  startService("shop", ["--next", urlOf("orders")]);
  await startAggregator();
  startProgram("agent", [
    `--config=${join(directory, "agent.yaml")}`,
    `--data-dir=${join(directory, "agent")}`,
    `--aggregator=127.0.0.1:${ports.grpc}`,
    "--node=demo",
    "--listen=none",
  ]);
  console.log(introduction());
  await Promise.race([askForever(), showForever(), releaseForever()]);
}

function introduction() {
  return `
shop asks orders, orders asks payments, and asks again if it fails. In ${options.period} s payments gets a bad
release, and after another ${options.period} s the good one again, and so on.

  npx telltale services --server 127.0.0.1:${ports.grpc}
  npx telltale services payments --server 127.0.0.1:${ports.grpc}
  http://127.0.0.1:${ports.http}/   (the page)
  http://127.0.0.1:${ports.http}/api/v1/services
  ${urlOf("payments")}metrics
  ${directory}   (state and logs, removed at the end)

Ctrl-C ends all of it.
`;
}

/** Twenty customers a second, whether the shop is slow or not. */
async function askForever() {
  for (;;) {
    fetch(urlOf("shop"))
      .then((answer) => answer.arrayBuffer())
      .catch(() => null);
    await delay(ASK_EVERY_MS, undefined, { signal: stop.signal });
  }
}

async function showForever() {
  for (;;) {
    await delay(Math.min(SHOW_EVERY_MS, periodMs / 2), undefined, { signal: stop.signal });
    const now = new Date().toTimeString().slice(0, 8);
    console.log(`${now}  ${await tell(["services"])}`);
  }
}

/** What the command prints. */
async function tell(args) {
  const path = join(root, "dist/cli/main.js");
  const server = ["--server", `127.0.0.1:${ports.grpc}`];
  const child = spawn(process.execPath, [path, ...args, ...server], { detached: true });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output += chunk;
    });
  }
  await new Promise((resolve) => child.once("close", resolve));
  return `$ telltale ${args.join(" ")}\n\n${output}`;
}

async function releaseForever() {
  for (let isFaulty = true; ; isFaulty = !isFaulty) {
    await delay(periodMs, undefined, { signal: stop.signal });
    const [old] = [...children].filter(({ label }) => label === "payments");
    await endChild(old);
    startService("payments", isFaulty ? ["--faulty"] : []);
    console.log(`payments has ${isFaulty ? "a bad release" : "the good release again"}\n`);
  }
}

function writeFiles() {
  for (const folder of ["rules", "agent", "aggregator"]) mkdirSync(join(directory, folder));
  const target = (name) =>
    `      - { targets: ["127.0.0.1:${ports[name]}"], labels: { service: ${name} } }\n`;
  writeFileSync(
    join(directory, "agent.yaml"),
    `scrape_configs:
  - job_name: demo
    scrape_interval: 1s
    static_configs:
${["shop", "orders", "payments"].map(target).join("")}`,
  );
  writeFileSync(
    join(directory, "rules/demo.yaml"),
    `groups:
  - name: demo
    interval: 1s
    rules:
      - alert: ServiceFails
        expr: service:errors:ratio2m > 0.15
        labels: { severity: critical }
        annotations:
          summary: "{{ $value | humanizePercentage }} of the requests to {{ $labels.service }} fail"
`,
  );
  writeFileSync(
    join(directory, "notify.yaml"),
    "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n",
  );
  if (periodMs / 1000 < WINDOW_S) {
    writeFileSync(join(directory, "rules/services.yaml"), shortenedRules());
  }
}

/** With faults that are shorter than two minutes, figures over as long would show none of them. */
function shortenedRules() {
  const seconds = Math.max(5, Math.round(Number(options.period) / 4));
  return readFileSync(join(root, "systemd/rules/services.yaml"), "utf8")
    .replaceAll("[2m]", `[${seconds}s]`)
    .replaceAll("/ 120", `/ ${seconds}`)
    .replaceAll(/^( +)interval: \w+$/gm, "$1interval: 1s");
}

function startService(name, args = []) {
  const own = [join(import.meta.dirname, "service.mjs"), "--port", String(ports[name]), ...args];
  startChild(name, own, "pipe");
}

function startProgram(name, args) {
  startChild(name, [join(root, "dist", name, "main.js"), ...args], "ignore");
}

async function startAggregator() {
  startProgram("aggregator", [
    `--data-dir=${join(directory, "aggregator")}`,
    `--rules=${join(directory, "rules/*.yaml")}`,
    `--notify=${join(directory, "notify.yaml")}`,
    `--grpc-listen=127.0.0.1:${ports.grpc}`,
    `--http-listen=127.0.0.1:${ports.http}`,
  ]);
  const until = Date.now() + START_MAX_MS;
  const isReady = () => fetch(`http://127.0.0.1:${ports.http}/-/ready`).catch(() => null);
  while (!(await isReady())?.ok) {
    if (Date.now() > until) throw new Error("the aggregator does not start");
    await delay(100, undefined, { signal: stop.signal });
  }
}

/** Ctrl-C reaches only this process, which then ends them in order. What they say is in a file. */
function startChild(label, args, stdin) {
  const log = openSync(join(directory, `${label}.log`), "a");
  const child = spawn(process.execPath, args, { stdio: [stdin, log, log], detached: true });
  const entry = { label, child, isEnding: false };
  children.add(entry);
  child.once("exit", (code) => {
    children.delete(entry);
    if (entry.isEnding || stop.signal.aborted) return;
    console.error(`${label} ended with ${code}:`);
    console.error(readFileSync(join(directory, `${label}.log`), "utf8").slice(-2000));
    process.exitCode = 1;
    stop.abort();
  });
}

/** The newest first: the agent says goodbye to an aggregator that is there. */
async function end() {
  stop.abort();
  for (const entry of [...children].reverse()) await endChild(entry);
}

async function endChild(entry) {
  if (entry === undefined) return;
  entry.isEnding = true;
  const ended = new Promise((resolve) => entry.child.once("exit", resolve));
  entry.child.kill("SIGTERM");
  await Promise.race([ended, delay(5000)]);
  entry.child.kill("SIGKILL");
}

function urlOf(name) {
  return `http://127.0.0.1:${ports[name]}/`;
}

async function freePorts(names) {
  const servers = names.map(() => createServer().listen(0, "127.0.0.1"));
  await Promise.all(
    servers.map((server) => new Promise((resolve) => server.on("listening", resolve))),
  );
  const found = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return Object.fromEntries(names.map((name, i) => [name, found[i]]));
}
