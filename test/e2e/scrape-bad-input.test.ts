import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Bed, DIST, eventually, killAtExit, residentMiB } from "../support/programs.ts";

const SCRAPES = 4;
/** Three targets have the largest page at once. */
const GROWTH_MIB_MAX = 350;

/**
 * What the agent's log says of each bad target; null: it is taken, but for what is left out. A machine that is
 * busy may not read up to a bound in time.
 */
const TARGETS: Readonly<Record<string, RegExp | null>> = {
  gigabyte: /larger than 67108864 bytes|No answer within/,
  announced: /larger than 67108864 bytes/,
  headers: /[Hh]eader/,
  slow: /No answer within 5000 ms/,
  bomb: /larger than 67108864 bytes|No answer within/,
  series: /larger than 67108864 bytes|too many samples|No answer within/,
  label: /longer than|label_value_length_limit exceeded by b/,
  bytes: /Line 1: .*UTF-8/,
  file: /Redirected to what is not HTTP/,
  metadata: /Redirected to a link-local address/,
  twice: null,
  ahead: null,
  old: null,
};
const LEFT_OUT = ['job="twice",reason="duplicate"', 'job="ahead",reason="ahead"'];

test("bad targets are refused with the reason, and the good one is scraped on", async () => {
  await using bed = await Bed.open();
  const [bad, good] = [await badExporter(), await goodExporter()];
  await bed.startReadyAggregator();
  const others = Object.keys(TARGETS).map((name) => jobOf(name, bad, 5));
  const text = `scrape_configs: [${[jobOf("good", good, 1), ...others].join(", ")}]`;
  const agent = bed.start("agent", [`--config=${bed.write("agent.yaml", text)}`]);
  await eventually(async () => (await bed.query('up{job="good"} == 1')).length === 1, 90_000);
  const beforeMiB = residentMiB(agent.child.pid);
  let mostMiB = 0;
  await eventually(async () => {
    mostMiB = Math.max(mostMiB, residentMiB(agent.child.pid));
    return (await bed.samples('up{job="slow"}[10m]')).length >= SCRAPES;
  }, 120_000);
  expect(mostMiB - beforeMiB).toBeLessThan(GROWTH_MIB_MAX);
  const upsOf = async (name: string) => {
    return (await bed.samples(`up{job="${name}"}[10m]`)).map(([, value]) => value);
  };
  for (const [name, reason] of Object.entries(TARGETS)) {
    expect([name, (await upsOf(name)).at(-1)]).toEqual([name, reason === null ? 1 : 0]);
    if (reason === null) continue;
    const told = agent.log().filter(({ job }) => job === name);
    expect(told.map(({ error }) => String(error)).join("\n"), name).toMatch(reason);
  }
  // The first ones may be late: the agent has just started.
  expect((await upsOf("good")).slice(3)).not.toContain(0);
  const page = await bed.agentPage();
  for (const labels of LEFT_OUT) expect(page).toContain(`samples_left_out_total{${labels}}`);
  expect(await bed.samples('a{job="ahead"}[10m]')).toEqual([]);
  expect(await bed.query('a{job="old"}')).toEqual([]);
  expect(await bed.query('b{job="ahead"} == 2')).toHaveLength(1);
  expect(await bed.query('c{job="old"} == 3')).toHaveLength(1);
});

function jobOf(name: string, address: string, seconds: number): string {
  const times = `scrape_interval: ${seconds}s, scrape_timeout: ${seconds}s`;
  return `{ job_name: ${name}, ${times}, metrics_path: /${name}, static_configs: [{ targets: ["${address}"] }] }`;
}

async function badExporter(): Promise<string> {
  const main = join(DIST, "test/support/bad-exporter-main.js");
  const child = spawn(process.execPath, [main], { stdio: ["ignore", "pipe", "inherit"] });
  killAtExit(child);
  onTestFinished(() => void child.kill("SIGKILL"));
  const [address] = await once(child.stdout, "data");
  return String(address).trim();
}

async function goodExporter(): Promise<string> {
  const server = createServer((_, response) => response.end("orders_total 5\n"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
