// One small service: answers each request after a few milliseconds, after it has asked the next
// service if there is one, and measures itself on /metrics as client libraries do. A faulty release
// of it is slow and fails three times in ten. Ends when what started it does.
//
//   node demo/service.mjs --port 8080 [--next http://127.0.0.1:8081/] [--tries 2] [--faulty]
import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    port: { type: "string" },
    next: { type: "string" },
    tries: { type: "string", default: "1" },
    faulty: { type: "boolean", default: false },
  },
});

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const startedSeconds = Date.now() / 1000;
/** By status: how many requests took at most so long, how many there were, and seconds in all. */
const histograms = new Map();

const server = createServer(async (request, response) => {
  if (request.url === "/metrics") {
    response.end(metricsText());
    return;
  }
  const began = performance.now();
  const code = await work();
  observe(code, (performance.now() - began) / 1000);
  response.writeHead(code).end();
});
server.listen(Number(options.port), "127.0.0.1");
process.stdin.on("end", () => process.exit()).resume();

async function work() {
  await delay(options.faulty ? 300 + Math.random() * 600 : 5 + Math.random() * 10);
  if (options.faulty && Math.random() < 0.3) return 500;
  if (options.next === undefined) return 200;
  for (let tries = 0; tries < Number(options.tries); tries += 1) {
    const answer = await fetch(options.next).catch(() => null);
    await answer?.arrayBuffer();
    if (answer?.ok) return 200;
  }
  return 502;
}

function observe(code, seconds) {
  const fresh = { counts: BUCKETS.map(() => 0), count: 0, sum: 0 };
  const histogram = histograms.get(code) ?? fresh;
  histograms.set(code, histogram);
  for (const [i, bound] of BUCKETS.entries()) if (seconds <= bound) histogram.counts[i] += 1;
  histogram.count += 1;
  histogram.sum += seconds;
}

function metricsText() {
  const name = "http_request_duration_seconds";
  const lines = [
    "# TYPE process_start_time_seconds gauge",
    `process_start_time_seconds ${startedSeconds}`,
    `# TYPE ${name} histogram`,
  ];
  for (const [code, { counts, count, sum }] of histograms) {
    const labels = `code="${code}"`;
    const bounds = [...BUCKETS, "+Inf"];
    for (const [i, le] of bounds.entries()) {
      lines.push(`${name}_bucket{${labels},le="${le}"} ${counts[i] ?? count}`);
    }
    lines.push(`${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${count}`);
  }
  return `${lines.join("\n")}\n`;
}
