/**
 * Sends packets of StatsD with hot-shots, one metric a packet, at an even rate.
 * Arguments: port on the loopback, packets a second, packets. Prints what it sent as JSON.
 */
import { StatsD } from "hot-shots";

const [port = 0, rate = 0, packets = 0] = process.argv.slice(2).map(Number);
const EVERY_MS = 2;
const PATHS = Array.from({ length: 20 }, (_, i) => ({ service: "shop", path: `/items/${i}` }));

let failed = 0;
const client = new StatsD({
  host: "127.0.0.1",
  port,
  cacheDns: true,
  maxBufferSize: 0,
  errorHandler: () => {
    failed += 1;
  },
});
let sent = 0;
const began = performance.now();
const timer = setInterval(() => {
  const due = Math.min(packets, ((performance.now() - began) * rate) / 1000);
  for (; sent < due; sent += 1) send(sent);
  if (sent === packets) end();
}, EVERY_MS);

/** Half are increments; timings, gauges, distributions and sets are the rest. */
function send(n: number): void {
  const tags = PATHS[n % PATHS.length] ?? {};
  const kind = n % 10;
  if (kind < 5) client.increment("http.requests", 1, tags);
  else if (kind < 7) client.timing("http.duration", n % 400, tags);
  else if (kind < 8) client.gauge("http.open", n % 50, tags);
  else if (kind < 9) client.distribution("http.bytes", n % 5000, tags);
  else client.set("http.users", `user-${n % 1000}`, tags);
}

function end(): void {
  clearInterval(timer);
  client.close(() => {
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage();
    const cpuSeconds = (user + system) / 1e6;
    console.log(JSON.stringify({ sent: sent - failed, failed, seconds, cpuSeconds }));
  });
}
