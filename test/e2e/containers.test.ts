import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  BUSYBOX,
  type Container,
  ContainerBed,
  diskOf,
  readCgroupFile,
  whyNoContainers,
} from "../support/container-bed.ts";
import { Bed, eventually } from "../support/programs.ts";

const MIB = 1024 ** 2;
const MEMORY_LIMIT = 32 * MIB;
const WRITTEN = 64 * MIB;
const SENT = 20 * MIB;
const SHORT_LIVED = 20;
const SHORT_LIVED_AT_A_TIME = 5;

const COMMANDS = {
  // One for each of two CPUs, so that it has its quarter also beside others.
  burn: "while :; do :; done & while :; do :; done",
  // A process that cannot fit is killed, then the page cache fills the limit, again and again.
  oom: `while :; do
    dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null
    dd if=/dev/zero of=/filler bs=1M count=64 2>/dev/null
    sleep 2; done`,
  disk: "dd if=/dev/zero of=/data/x bs=1M count=64 oflag=direct 2>/dev/null; sleep 1000",
  server: "nc -l -p 5000 > /dev/null; sleep 1000",
  restart: "sleep 1",
  short: "sleep 2",
};

const why = whyNoContainers();

describe.skipIf(why !== null)(`real containers${why === null ? "" : ` (skipped: ${why})`}`, () => {
  let bed: Bed;
  let containers: ContainerBed;
  let page = "";
  const byName = new Map<string, Container>();
  const short: Container[] = [];

  beforeAll(async () => {
    containers = await ContainerBed.open();
    bed = await Bed.open();
    await bed.startReadyAggregator();
    bed.start("agent", [`--host-root=${containers.hostRoot}`]);
    await eventually(async () => (await bed.query("up == 1")).length === 1);
    await startContainers();
    page = await (await fetch(`http://127.0.0.1:${bed.agentPort}/metrics`)).text();
    // So that a window of ten seconds holds nothing of the start.
    await delay(11_000);
  });

  afterAll(async () => {
    await bed?.[Symbol.asyncDispose]();
    await containers?.[Symbol.asyncDispose]();
    expect(containers === undefined || !existsSync(containers.directory)).toBe(true);
  });

  async function startContainers(): Promise<void> {
    const start = async (name: keyof typeof COMMANDS, ...options: string[]) => {
      byName.set(name, await containers.run(`tt-${name}`, COMMANDS[name], options));
    };
    const memory = `${MEMORY_LIMIT}`;
    await Promise.all([
      start("burn", "--cpus=0.25"),
      start("oom", `--memory=${memory}`, `--memory-swap=${memory}`),
      start("disk", `--volume=${join(containers.directory, "disk")}:/data`, ...diskLimit()),
      start("server"),
      start("restart", "--restart=always"),
    ]);
    const address = await containers.inspect("tt-server", "{{.NetworkSettings.IPAddress}}");
    const send = `dd if=/dev/zero bs=1M count=20 2>/dev/null | nc -w 10 ${address} 5000; sleep 1000`;
    byName.set("client", await containers.run("tt-client", send));
    while (short.length < SHORT_LIVED) {
      const few = Array.from({ length: SHORT_LIVED_AT_A_TIME }, (_, n) =>
        containers.run(`tt-short-${short.length + n}`, COMMANDS.short),
      );
      short.push(...(await Promise.all(few)));
    }
  }

  /** Without a limit, however high, newer kernels count no bytes in v1's blkio. */
  function diskLimit(): string[] {
    const disk = diskOf(containers.directory);
    return disk === null ? [] : [`--device-write-bps=${disk}:1gb`];
  }

  /** Whether this agent has the metric at all. */
  function has(metric: string): boolean {
    return page.includes(`# TYPE ${metric} `);
  }

  function containerOf(name: string): Container {
    const container = byName.get(name);
    if (container === undefined) throw new Error(`${name} was not started`);
    return container;
  }

  /** The series of a container, whatever it is called. */
  function idOf(name: string): string {
    return `id=~".*/${containerOf(name).id}"`;
  }

  /** The one value of an expression. */
  async function numberOf(expr: string): Promise<number> {
    const result = await bed.query(expr);
    expect(result.length, expr).toBe(1);
    return result[0]?.[1] ?? Number.NaN;
  }

  /** As the kernel counts it. */
  function cpuSecondsOf(container: Container): number {
    const text = readCgroupFile(container, ["cpuacct.usage", "cpu.stat"]) ?? "";
    const usec = /^usage_usec (\d+)$/m.exec(text)?.[1];
    return usec === undefined ? Number(text) / 1e9 : Number(usec) / 1e6;
  }

  test("the burner uses the quarter of a CPU that it may, and is throttled", async () => {
    const sel = idOf("burn");
    const used = await numberOf(`rate(container_cpu_usage_seconds_total{${sel}}[10s])`);
    expect(Math.abs(used - 0.25), `rate ${used}`).toBeLessThanOrEqual(0.025);
    const before = cpuSecondsOf(containerOf("burn"));
    await delay(2500);
    const counted = await numberOf(`container_cpu_usage_seconds_total{${sel}}`);
    expect(before).toBeGreaterThan(0);
    expect(counted).toBeGreaterThanOrEqual(before);
    expect(counted).toBeLessThanOrEqual(cpuSecondsOf(containerOf("burn")));
    const limit = `container_spec_cpu_quota{${sel}} / container_spec_cpu_period{${sel}}`;
    expect(await numberOf(limit)).toBe(0.25);
    const share = `rate(container_cpu_cfs_throttled_periods_total{${sel}}[10s])
      / rate(container_cpu_cfs_periods_total{${sel}}[10s])`;
    const throttled = await numberOf(share);
    expect(throttled).toBeGreaterThan(0.5);
    expect(throttled).toBeLessThanOrEqual(1);
  });

  test("memory stands at its limit, and OOM kills are as many as the kernel counted", async () => {
    const sel = idOf("oom");
    expect(await numberOf(`container_spec_memory_limit_bytes{${sel}}`)).toBe(MEMORY_LIMIT);
    const peak = await numberOf(`max_over_time(container_memory_usage_bytes{${sel}}[10s])`);
    expect(peak).toBeLessThanOrEqual(MEMORY_LIMIT);
    expect(peak).toBeGreaterThan(MEMORY_LIMIT / 2);
    const kills = () => {
      const files = ["memory.oom_control", "memory.events"];
      const text = readCgroupFile(containerOf("oom"), files) ?? "";
      return Number(/^oom_kill (\d+)$/m.exec(text)?.[1]);
    };
    const before = kills();
    await delay(2500);
    const counted = await numberOf(`container_oom_events_total{${sel}}`);
    expect(before).toBeGreaterThan(0);
    expect(counted).toBeGreaterThanOrEqual(before);
    expect(counted).toBeLessThanOrEqual(kills());
  });

  test("bytes written to the disk are those that were written", async (context) => {
    if (diskLimit().length === 0) return context.skip("the bed is not on a disk");
    const sum = `sum(container_fs_writes_bytes_total{${idOf("disk")}})`;
    const written = await numberOf(sum);
    expect(written).toBeGreaterThanOrEqual(WRITTEN);
    // The file system's own blocks come on top.
    expect(written).toBeLessThan(WRITTEN * 1.05);
  });

  test("what one sends the other receives", async (context) => {
    if (!has("container_network_receive_bytes_total")) return context.skip("no network yet");
    const label = (name: string) => `${idOf(name)}, interface="eth0"`;
    const received = `container_network_receive_bytes_total{${label("server")}}`;
    const sent = `container_network_transmit_bytes_total{${label("client")}}`;
    for (const expr of [received, sent]) {
      const bytes = await numberOf(expr);
      expect(bytes, expr).toBeGreaterThanOrEqual(SENT);
      expect(bytes, expr).toBeLessThan(SENT * 1.1);
    }
    const rest = [
      ["receive", "packets", 100],
      ["transmit", "packets", 100],
      ["receive", "errors", 0],
      ["transmit", "errors", 0],
      ["receive", "packets_dropped", 0],
      ["transmit", "packets_dropped", 0],
    ] as const;
    for (const [direction, what, least] of rest) {
      const metric = `container_network_${direction}_${what}_total{${label("server")}}`;
      expect(await numberOf(metric), metric).toBeGreaterThanOrEqual(least);
    }
  });

  test("names and images are the runtime's", async (context) => {
    if (!has("telltale_container_info")) return context.skip("no names yet");
    for (const name of byName.keys()) {
      if (name === "restart") continue;
      const series = `container_last_seen{name="tt-${name}", image="${BUSYBOX}", ${idOf(name)}}`;
      expect(await bed.query(series), series).toHaveLength(1);
      const facts = `telltale_container_info{name="tt-${name}"}`;
      expect((await bed.query(facts)).length, facts).toBeGreaterThan(0);
    }
    const unnamed = `container_last_seen{name=~"[0-9a-f]{12}", ${idOf("burn")}}`;
    expect(await bed.query(unnamed)).toEqual([]);
  });

  test("restarts are counted as the runtime counts them", async (context) => {
    if (!has("container_restarts_total")) return context.skip("no restarts yet");
    const count = async () => Number(await containers.inspect("tt-restart", "{{.RestartCount}}"));
    const before = await count();
    await delay(2500);
    const restarts = `max(last_over_time(container_restarts_total{name="tt-restart"}[10s]))`;
    const counted = await numberOf(restarts);
    expect(before).toBeGreaterThan(0);
    expect(counted).toBeGreaterThanOrEqual(before);
    expect(counted).toBeLessThanOrEqual(await count());
  });

  test("the burner is the command that uses most in its container", async (context) => {
    if (!has("telltale_process_group_cpu_seconds_total")) return context.skip("no processes yet");
    const name = (await bed.query(`container_last_seen{${idOf("burn")}}`))[0]?.[0]["name"];
    const sel = `command="sh", container="${name}"`;
    const used = await numberOf(`rate(telltale_process_group_cpu_seconds_total{${sel}}[15s])`);
    expect(used).toBeGreaterThan(0.2);
    expect(used).toBeLessThan(0.3);
  });

  test("each of those that lived two seconds was seen, and none is left", async () => {
    const ids = short.map(({ id }) => id).join("|");
    const sel = `container_last_seen{id=~".*/(${ids})"}`;
    expect(await bed.query(`count_over_time(${sel}[2m])`)).toHaveLength(SHORT_LIVED);
    expect(await bed.query(sel)).toEqual([]);
  });

  test("what ended is stale two ticks later, though its samples are there", async () => {
    const { id } = containerOf("burn");
    const sel = idOf("burn");
    const metrics = ["container_last_seen", "container_cpu_usage_seconds_total"];
    for (const metric of metrics) expect(await bed.query(`${metric}{${sel}}`)).toHaveLength(1);
    const killed = containers.docker("kill", "tt-burn");
    const file = { id, name: "tt-burn" };
    await eventually(() => readCgroupFile(file, ["memory.stat"]) === null, 10_000);
    const endedAt = Date.now() / 1000;
    await killed;
    await delay(3500);
    for (const metric of metrics) {
      const at = (seconds: number) => bed.query(`${metric}{${sel}} @ ${endedAt + seconds}`);
      expect(await at(-1.5), `${metric} before`).toHaveLength(1);
      expect(await at(2), `${metric} after`).toEqual([]);
      expect((await bed.sampleTimes(`${metric}{${sel}}[1m]`)).length).toBeGreaterThan(5);
    }
  });
});
