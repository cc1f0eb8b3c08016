// `node scripts/screenshots.mjs`: takes the pictures of docs/page.md from the demo, once its bad release
// has been noticed. Needs `npm run build`, Chromium and a font with Chinese characters.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { chromium } from "playwright-core";

const root = join(import.meta.dirname, "..");
const target = join(root, "docs/page");
const CHROMIUM = "/usr/bin/chromium";
const PERIOD_S = 45;
const NOTICED_WITHIN_MS = 180_000;
/** So that charts have something to show. */
const PAST_MS = 150_000;
/** For charts and lists to fill. */
const SETTLED_MS = 3500;
const BYTES_MAX = 150_000;
/** Beside the demo's own. */
const NODES = ["db-1", "web-1"];
const DESK = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

const QUERY = 'sum by (mode) (rate(node_cpu_seconds_total{instance="demo", mode!="idle"}[30s]))';

/** `open`: what is pressed before the picture is taken. */
const SHOTS = [
  { name: "alerts", path: "/alerts?range=15m", ...DESK, open: "button.alert-name" },
  { name: "overview", path: "/", ...DESK },
  { name: "overview-zh", path: "/", ...DESK, language: "zh-CN", colorScheme: "dark" },
  { name: "overview-phone", path: "/", ...PHONE, colorScheme: "dark" },
  { name: "node", path: "/nodes/demo?range=15m", ...DESK },
  { name: "services", path: "/services", ...DESK },
  { name: "history", path: "/alerts?show=history&range=15m", ...DESK, language: "zh-CN" },
  { name: "system", path: "/system", ...DESK },
  { name: "explore", path: `/explore?range=15m&query=${encodeURIComponent(QUERY)}`, ...DESK },
];

const directory = mkdtempSync(join(tmpdir(), "telltale-screenshots-"));
const children = [];
try {
  const { url, grpc } = await startDemo();
  for (const name of NODES) startNode(name, grpc);
  await delay(PAST_MS);
  await untilNoticed(url);
  await takeAll(url);
} finally {
  for (const child of children) child.kill("SIGTERM");
  await Promise.all(children.map(ended));
  rmSync(directory, { recursive: true, force: true });
}

async function startDemo() {
  const demo = start(["demo/main.mjs", "--period", String(PERIOD_S)]);
  let output = "";
  demo.stdout.on("data", (chunk) => {
    output += chunk;
  });
  for (;;) {
    const url = /(http:\/\/\S+)\/ {3}\(the page\)/.exec(output)?.[1];
    const grpc = /--server (\S+)\n/.exec(output)?.[1];
    if (url !== undefined && grpc !== undefined) return { url, grpc };
    if (demo.exitCode !== null) throw new Error("the demo ended");
    await delay(200);
  }
}

function startNode(name, grpc) {
  const own = [`--data-dir=${join(directory, name)}`, "--listen=none"];
  start(["dist/agent/main.js", `--node=${name}`, `--aggregator=${grpc}`, ...own]);
}

function start(args) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "ignore"] });
  child.stdout.resume();
  children.push(child);
  return child;
}

function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return null;
  return new Promise((resolve) => child.once("exit", resolve));
}

async function untilNoticed(url) {
  const untilMs = performance.now() + NOTICED_WITHIN_MS;
  while (performance.now() < untilMs) {
    const alerts = await (await fetch(`${url}/api/v2/alerts`)).json();
    if (alerts.length > 0) return;
    await delay(1000);
  }
  throw new Error("no alert fires");
}

async function takeAll(url) {
  mkdirSync(target, { recursive: true });
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  for (const { name, path, width, height, open, colorScheme, language } of SHOTS) {
    const page = await browser.newPage({
      ...{ viewport: { width, height }, colorScheme: colorScheme ?? "light" },
      locale: language ?? "en-GB",
    });
    await page.goto(`${url}${path}`);
    await page.locator("main .part, main .node-head").first().waitFor();
    if (open !== undefined) await page.locator(open).first().click();
    await delay(SETTLED_MS);
    const file = join(target, `${name}.png`);
    await page.screenshot({ path: file });
    await page.close();
    const { size } = statSync(file);
    console.log(`${name}: ${(size / 1000).toFixed(0)} kB`);
    if (size > BYTES_MAX) throw new Error(`${file} is larger than ${BYTES_MAX / 1000} kB`);
  }
  await browser.close();
}
