import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readAgentConfig } from "../../agent/config/read-agent-config.ts";
import { directoryForTest } from "../support/directory-for-test.ts";
import { Bed, eventually, freePorts } from "../support/programs.ts";
import { countedOf, sendPackets } from "../support/statsd-load.ts";
import { UnixSender } from "../support/unix-datagrams.ts";

test("packets of hot-shots arrive at the aggregator, over a reload too, and losses are counted exactly", async () => {
  await using bed = await Bed.open();
  const [port] = await freePorts();
  const socket = bed.path("statsd.sock");
  const config = `statsd: { udp: "127.0.0.1:${port}", unix: ${socket}, receive_buffer: 256KiB }\n`;
  const file = bed.write("agent.yaml", config);
  await bed.startReadyAggregator();
  const { child } = bed.start("agent", [`--config=${file}`]);
  await bed.untilUp();
  const counted = async () => countedOf(await bed.agentPage());
  const total = async (expr: string) => (await bed.query(expr))[0]?.[1] ?? 0;

  const first = await sendPackets(port, 2000, 4000);
  expect(first).toMatchObject({ sent: 4000, failed: 0 });
  await eventually(async () => (await counted()).taken === 4000);
  expect(await counted()).toEqual({ taken: 4000, lost: 0, samples: 4000 });
  const requests = 'sum(http_requests{service="shop",job="statsd",instance="n1"})';
  await eventually(async () => (await total(requests)) === 2000);
  expect(await total("sum(http_duration_count)")).toBe(800);
  expect(await total('sum(http_duration_bucket{le="+Inf"})')).toBe(800);

  {
    using sender = new UnixSender(socket, true);
    for (let i = 0; i < 1000; i += 1) expect(sender.send("jobs.done:2|c|#service:mail")).toBe(true);
  }
  await eventually(async () => (await total('jobs_done{service="mail",job="statsd"}')) === 2000);
  expect(await counted()).toEqual({ taken: 5000, lost: 0, samples: 5000 });

  bed.write("agent.yaml", `labels: { env: test }\n${config}`);
  child.kill("SIGHUP");
  await eventually(async () => (await total('sum(http_requests{env="test"})')) === 2000);

  child.kill("SIGSTOP");
  const second = await sendPackets(port, 20_000, 20_000);
  child.kill("SIGCONT");
  await eventually(async () => {
    const { taken, lost } = await counted();
    return taken + lost === first.sent + 1000 + second.sent;
  });
  const { taken, lost, samples } = await counted();
  expect(lost).toBeGreaterThan(1000);
  expect(taken).toBeGreaterThan(5100);
  expect(samples).toBe(taken);
  child.kill("SIGTERM");
  await eventually(() => child.exitCode === 0);
}, 120_000);

function configOf(text: string) {
  const file = join(directoryForTest(), "agent.yaml");
  writeFileSync(file, text);
  return readAgentConfig({ defaultFile: "", file, environmentPrefix: "TELLTALE_TEST", flags: [] })
    .config.statsd;
}

test("it is off unless it is configured; true is the usual port", () => {
  expect(configOf("log_level: info")).toBeNull();
  expect(configOf("statsd: false")).toBeNull();
  expect(configOf("statsd: true")).toMatchObject({ udp: { host: "127.0.0.1", port: 8125 } });
  const text = "insecure: true\nstatsd: { udp: '0.0.0.0:8125', unix: /run/telltale/statsd.sock }";
  expect(configOf(text)).toMatchObject({ udp: { host: "0.0.0.0", port: 8125 } });
});

test.each([
  ["statsd: { udp: '0.0.0.0:8125' }", /statsd\.udp: 0\.0\.0\.0 can be reached from other machines/],
  ["statsd: { udp: 'metrics.example:8125' }", /statsd\.udp: not an IP address/],
  ["statsd: {}", /statsd: has neither udp nor unix/],
  ["statsd: { unix: run/statsd.sock }", /statsd\.unix: must be absolute/],
  ["statsd: { unix: /a, timer_buckets: [1, 1] }", /statsd\.timer_buckets: must be ascending/],
  ["statsd: { unix: /a, receive_buffer: 1GiB }", /statsd\.receive_buffer: must be from/],
  ["statsd: { tcp: '127.0.0.1:8125' }", /statsd/],
])("%j is refused", (text, message) => {
  expect(() => configOf(text)).toThrow(message);
});
