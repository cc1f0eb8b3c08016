import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { sumOnPage } from "../support/accounts.ts";
import { Bed, eventually, Program } from "../support/programs.ts";
import { TwoHosts } from "../support/two-hosts.ts";

/** Each way: an answer takes 0.4 s. */
const DELAY_MS = 200;
const LOSS = 0.05;
/** Longer than either side takes to give a silent connection up. */
const CUT_MS = 25_000;
/** It takes 1 to 4 s; on a busy machine, or with bad luck, longer. */
const RECONNECT_MAX_MS = 15_000;
/** A line of /proc/net/tcp: established, to port 7070. */
const ESTABLISHED = /^ *\d+: \S+ \S+:1B9E 01 /gm;
const STORED = "telltale_agent_frames_stored_total";
const COUNT = "count_over_time(node_load1[10m])";

const missing = TwoHosts.missing();
if (missing !== "") console.log(`network.test.ts is left out: it ${missing}`);

class Pair {
  readonly hosts: TwoHosts;
  readonly programs: readonly Program[];

  constructor(bed: Bed, hosts: TwoHosts) {
    this.hosts = hosts;
    const { left, right } = hosts;
    const aggregator = [
      `--data-dir=${bed.path("aggregator")}`,
      `--rules=${bed.path("rules/*.yaml")}`,
      `--grpc-listen=${right.address}:7070`,
      "--http-listen=127.0.0.1:7071",
      "--insecure",
    ];
    const agent = [
      "--node=n1",
      `--data-dir=${bed.path("agent")}`,
      `--aggregator=${right.address}:7070`,
      "--listen=127.0.0.1:7072",
      "--insecure",
    ];
    this.programs = [
      new Program("aggregator", aggregator, right.enter),
      new Program("agent", agent, left.enter),
    ];
  }

  /** What the agent says of itself. */
  async agentValue(name: string): Promise<number> {
    return sumOnPage(await this.hosts.left.get("http://127.0.0.1:7072/metrics"), name);
  }

  /** When it was welcomed first after that, both in Unix milliseconds; read from its log, which costs nothing. */
  connectedAfter(timeMs: number): number | undefined {
    const [, agent] = this.programs;
    const times = (agent?.log() ?? [])
      .filter(({ msg }) => msg === "connected to the aggregator")
      .map(({ time }) => Date.parse(String(time)));
    return times.find((time) => time >= timeMs);
  }

  agentConnections(): number {
    const table = readFileSync(`/proc/${this.programs[1]?.child.pid}/net/tcp`, "utf8");
    return table.match(ESTABLISHED)?.length ?? 0;
  }

  async samples(): Promise<number> {
    const query = encodeURIComponent(COUNT);
    const answer = await this.hosts.right.get(`http://127.0.0.1:7071/api/v1/query?query=${query}`);
    return Number(JSON.parse(answer).data.result[0]?.value[1] ?? 0);
  }
}

test.skipIf(missing !== "")("a slow, lossy network that is cut loses nothing", async () => {
  await using bed = await Bed.open();
  using hosts = new TwoHosts({ delayMs: DELAY_MS, loss: LOSS });
  const pair = new Pair(bed, hosts);
  try {
    await eventually(async () => (await pair.samples()) > 5, 60_000);
    hosts.cut();
    await delay(CUT_MS);
    expect(await pair.agentValue("telltale_agent_uplink_connected")).toBe(0);
    const madeInCut = await pair.agentValue("telltale_agent_frames_made_total");
    hosts.heal();
    const healedMs = Date.now();
    await eventually(() => pair.connectedAfter(healedMs) !== undefined);
    const reconnectMs = (pair.connectedAfter(healedMs) ?? Number.NaN) - healedMs;
    console.log(`connected again ${(reconnectMs / 1000).toFixed(1)} s after the cut healed`);
    // Looking from outside takes longer than a tick: the books frame what is stored.
    await eventually(async () => (await pair.agentValue(STORED)) >= madeInCut, 60_000);
    const storedBefore = await pair.agentValue(STORED);
    const samples = await pair.samples();
    expect(samples).toBeGreaterThanOrEqual(storedBefore);
    expect(samples).toBeLessThanOrEqual(await pair.agentValue("telltale_agent_frames_made_total"));
    expect(await pair.agentValue("telltale_agent_frames_dropped_total")).toBe(0);
    expect(reconnectMs).toBeLessThan(RECONNECT_MAX_MS);
    // Nothing is left of the attempts that met with silence.
    await eventually(() => pair.agentConnections() === 1);
  } finally {
    for (const program of pair.programs) await program.kill();
  }
});
