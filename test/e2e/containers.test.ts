import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  BUSYBOX,
  type Container,
  ContainerBed,
  diskOf,
  oomKillsOf,
  readCgroupFile,
  whyNoContainers,
} from "../support/container-bed.ts";
import { containerNamesInUse } from "../support/names-in-use.ts";
import { Bed, eventually } from "../support/programs.ts";

const MIB = 1024 ** 2;
const MEMORY_LIMIT = 32 * MIB;
const WRITTEN = 64 * MIB;
const SENT = 20 * MIB;
const IN_LAYER = 8 * MIB;
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
  // It goes on listening as long as its own input is open.
  server: "sleep 1000 | nc -l -p 5000 > /dev/null; sleep 1000",
  restart: "sleep 1",
  layer: "sleep 1000",
  short: "sleep 2",
};

const why = whyNoContainers();

describe.skipIf(why !== null)(`real containers${why === null ? "" : ` (skipped: ${why})`}`, () => {
  let bed: Bed;
  let containers: ContainerBed;
  const byName = new Map<string, Container>();
  const short: Container[] = [];
  /** When the cgroups of those that live two seconds went, in seconds since 1970. */
  const endedAt = new Map<string, number>();

  beforeAll(async () => {
    containers = await ContainerBed.open();
    bed = await Bed.open();
    await bed.startReadyAggregator();
    bed.start("agent", [`--host-root=${containers.hostRoot}`]);
    await eventually(async () => (await bed.query("up == 1")).length === 1);
    await Promise.all(await startContainers());
    // So that a window of ten seconds holds nothing of the start.
    await delay(11_000);
  });

  afterAll(async () => {
    await bed?.[Symbol.asyncDispose]();
    await containers?.[Symbol.asyncDispose]();
    expect(containers === undefined || !existsSync(containers.directory)).toBe(true);
  });

  /** Gives what is to be waited for until the last of those that live two seconds ended. */
  async function startContainers(): Promise<Promise<void>[]> {
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
    byName.set("layer", await startWithLayer());
    const address = await containers.inspect("tt-server", "{{.NetworkSettings.IPAddress}}");
    const send = `dd if=/dev/zero bs=1M count=20 2>/dev/null | nc -w 10 ${address} 5000; sleep 1000`;
    byName.set("client", await containers.run("tt-client", send));
    const ends: Promise<void>[] = [];
    while (short.length < SHORT_LIVED) {
      const few = Array.from({ length: SHORT_LIVED_AT_A_TIME }, (_, n) =>
        containers.run(`tt-short-${short.length + n}`, COMMANDS.short),
      );
      for (const container of await Promise.all(few)) {
        short.push(container);
        ends.push(untilGone(container.id).then((at) => void endedAt.set(container.id, at)));
      }
    }
    return ends;
  }

  /** What it has written is there before it starts: its layer is measured once, and then seldom. */
  async function startWithLayer(): Promise<Container> {
    const file = bed.write("written", "x".repeat(IN_LAYER));
    const args = ["create", "--name", "tt-layer", BUSYBOX, "sh", "-c", COMMANDS.layer];
    const id = (await containers.docker(...args)).trim();
    await containers.docker("cp", file, "tt-layer:/written");
    await containers.docker("start", "tt-layer");
    return { id, name: "tt-layer" };
  }

  /** The time, in seconds since 1970, at which the cgroup is seen to be gone. */
  async function untilGone(id: string): Promise<number> {
    await eventually(() => readCgroupFile({ id, name: "" }, ["memory.stat"]) === null);
    return Date.now() / 1000;
  }

  /** Without a limit, however high, newer kernels count no bytes in v1's blkio. */
  function diskLimit(): string[] {
    const disk = diskOf(containers.directory);
    return disk === null ? [] : [`--device-write-bps=${disk}:1gb`];
  }

  function containerOf(name: string): Container {
    const container = byName.get(name);
    if (container === undefined) throw new Error(`${name} was not started`);
    return container;
  }

  /** The series of a container, under the name, the image and the cgroup that it really has. */
  function selectorOf(name: string): string {
    return `name="tt-${name}", image="${BUSYBOX}", id="/docker/${containerOf(name).id}"`;
  }

  /** The one value of an expression. */
  async function numberOf(expr: string): Promise<number> {
    const result = await bed.query(expr);
    expect(result.length, expr).toBe(1);
    return result[0]?.[1] ?? Number.NaN;
  }

  /** What is stored lies between what was counted before and what is counted then. */
  async function expectCounted(
    expr: string,
    count: () => number | Promise<number>,
    afterMs = 2500,
  ): Promise<void> {
    const before = await count();
    expect(before).toBeGreaterThan(0);
    await delay(afterMs);
    const stored = await numberOf(expr);
    expect(stored, expr).toBeGreaterThanOrEqual(before);
    expect(stored, expr).toBeLessThanOrEqual(await count());
  }

  /** As the kernel counts it. */
  function cpuSecondsOf(container: Container): number {
    const text = readCgroupFile(container, ["cpuacct.usage", "cpu.stat"]) ?? "";
    const usec = /^usage_usec (\d+)$/m.exec(text)?.[1];
    return usec === undefined ? Number(text) / 1e9 : Number(usec) / 1e6;
  }

  /** To all devices together, as the kernel counts it. */
  function bytesWrittenBy(container: Container): number {
    const files = ["blkio.throttle.io_service_bytes", "io.stat"];
    const text = readCgroupFile(container, files) ?? "";
    const counts = text.matchAll(/^\d+:\d+ (?:Write (\d+)$|.*\bwbytes=(\d+))/gm);
    return [...counts].reduce((sum, [, v1, v2]) => sum + Number(v1 ?? v2), 0);
  }

  test("the burner uses the quarter of a CPU that it may, and is throttled", async () => {
    const sel = selectorOf("burn");
    const used = await numberOf(`rate(container_cpu_usage_seconds_total{${sel}}[10s])`);
    expect(Math.abs(used - 0.25), `rate ${used}`).toBeLessThanOrEqual(0.025);
    const cpuSeconds = () => cpuSecondsOf(containerOf("burn"));
    await expectCounted(`container_cpu_usage_seconds_total{${sel}}`, cpuSeconds);
    const limit = `container_spec_cpu_quota{${sel}} / container_spec_cpu_period{${sel}}`;
    expect(await numberOf(limit)).toBe(0.25);
    const share = `rate(container_cpu_cfs_throttled_periods_total{${sel}}[10s])
      / rate(container_cpu_cfs_periods_total{${sel}}[10s])`;
    const ratio = `avg_over_time(container_cpu_cfs_throttled_ratio{${sel}}[10s])`;
    for (const expr of [share, ratio]) {
      const throttled = await numberOf(expr);
      expect(throttled, expr).toBeGreaterThan(0.5);
      expect(throttled, expr).toBeLessThanOrEqual(1);
    }
    const limitUsed = await numberOf(`avg_over_time(container_cpu_limit_used_ratio{${sel}}[10s])`);
    expect(Math.abs(limitUsed - 1), `ratio ${limitUsed}`).toBeLessThanOrEqual(0.1);
  });

  test("memory stands at its limit, and OOM kills are as many as the kernel counted", async () => {
    const sel = selectorOf("oom");
    expect(await numberOf(`container_spec_memory_limit_bytes{${sel}}`)).toBe(MEMORY_LIMIT);
    // What is allocated is killed within milliseconds: a reading hits it now and then.
    const peak = await numberOf(`max_over_time(container_memory_usage_bytes{${sel}}[1m])`);
    expect(peak).toBeLessThanOrEqual(MEMORY_LIMIT);
    expect(peak).toBeGreaterThan(MEMORY_LIMIT / 2);
    const used = await numberOf(`max_over_time(container_memory_limit_used_ratio{${sel}}[1m])`);
    expect(used).toBeGreaterThan(0);
    expect(used).toBeLessThanOrEqual(1);
    const kills = () => oomKillsOf(containerOf("oom"));
    await expectCounted(`container_oom_events_total{${sel}}`, kills);
  });

  test("bytes written to the disk are those that were written", async (context) => {
    if (diskLimit().length === 0) return context.skip("the bed is not on a disk");
    const sum = `sum(container_fs_writes_bytes_total{${selectorOf("disk")}})`;
    const written = await numberOf(sum);
    expect(written).toBeGreaterThanOrEqual(WRITTEN);
    // The file system's own blocks come on top.
    expect(written).toBeLessThan(WRITTEN * 1.05);
    expect(written).toBe(bytesWrittenBy(containerOf("disk")));
  });

  test("the space that a container uses is what it has written", async () => {
    const used = `container_fs_usage_bytes{${selectorOf("layer")}}`;
    // Few questions are put to the disk in a second, and the others had their turn first.
    await eventually(async () => (await bed.query(used)).length === 1, 90_000);
    const bytes = await numberOf(used);
    expect(bytes).toBeGreaterThanOrEqual(IN_LAYER);
    expect(bytes).toBeLessThan(IN_LAYER + MIB);
    for (const metric of ["limit_bytes", "inodes_total", "inodes_free"]) {
      expect(await numberOf(`container_fs_${metric}{${selectorOf("layer")}}`)).toBeGreaterThan(0);
    }
  });

  test("every name that public rules and dashboards use is there", async (context) => {
    const names = containerNamesInUse();
    if (names.length === 0) return context.skip("no list of names: set TELLTALE_SHARED");
    for (const name of names) expect(await numberOf(`count(${name})`), name).toBeGreaterThan(0);
  });

  test("what one sends the other receives", async () => {
    const label = (name: string) => `${selectorOf(name)}, interface="eth0"`;
    const received = `container_network_receive_bytes_total{${label("server")}}`;
    const sent = `container_network_transmit_bytes_total{${label("client")}}`;
    for (const expr of [received, sent]) {
      const bytes = await numberOf(expr);
      expect(bytes, expr).toBeGreaterThanOrEqual(SENT);
      expect(bytes, expr).toBeLessThan(SENT * 1.1);
    }
    for (const direction of ["receive", "transmit"]) {
      for (const [what, least] of Object.entries({ packets: 100, errors: 0, packets_dropped: 0 })) {
        const metric = `container_network_${direction}_${what}_total{${label("server")}}`;
        expect(await numberOf(metric), metric).toBeGreaterThanOrEqual(least);
      }
    }
  });

  test("names and images are the runtime's, from the first sample on", async () => {
    for (const [name, { id }] of byName) {
      if (name !== "restart") {
        const series = `container_last_seen{${selectorOf(name)}}`;
        expect(await bed.query(series), series).toHaveLength(1);
      }
      const about = `telltale_container_info{${selectorOf(name)}, source="docker-socket"}`;
      expect(await bed.query(about), about).toHaveLength(1);
      const all = `count_over_time(container_last_seen{id="/docker/${id}"}[5m])`;
      expect(await bed.query(all), all).toHaveLength(1);
    }
  });

  test("restarts are counted as the runtime counts them", async () => {
    const count = async () => Number(await containers.inspect("tt-restart", "{{.RestartCount}}"));
    await expectCounted(`container_restarts_total{${selectorOf("restart")}}`, count);
  });

  test("the burner is the command that uses CPU in its container", async () => {
    const sel = `command="sh", container="tt-burn"`;
    const cpuSeconds = () => cpuSecondsOf(containerOf("burn"));
    // Processes are looked at every ten seconds.
    await expectCounted(`telltale_process_group_cpu_seconds_total{${sel}}`, cpuSeconds, 12_500);
    expect(await numberOf(`telltale_process_group_processes{${sel}}`)).toBe(2);
  });

  test("each that lived two seconds was seen by its name, and is stale two ticks later", async () => {
    expect(endedAt.size).toBe(SHORT_LIVED);
    for (const { id, name } of short) {
      const sel = `container_last_seen{id="/docker/${id}"}`;
      const seen = await bed.query(`count_over_time(${sel}[5m])`);
      expect(seen.map(([labels]) => [labels["name"], labels["image"]])).toEqual([[name, BUSYBOX]]);
      expect(await bed.query(`${sel} @ ${(endedAt.get(id) ?? 0) + 2}`), name).toEqual([]);
    }
  });

  test("what ended is stale two ticks later, though its samples are there", async () => {
    const { id } = containerOf("burn");
    const sel = selectorOf("burn");
    const metrics = [
      "container_last_seen",
      "container_cpu_usage_seconds_total",
      "container_network_receive_bytes_total",
    ];
    for (const metric of metrics) expect(await bed.query(`${metric}{${sel}}`)).toHaveLength(1);
    const killed = containers.docker("kill", "tt-burn");
    const endedAtSeconds = await untilGone(id);
    await killed;
    await delay(3500);
    for (const metric of metrics) {
      const at = (seconds: number) => bed.query(`${metric}{${sel}} @ ${endedAtSeconds + seconds}`);
      expect(await at(-1.5), `${metric} before`).toHaveLength(1);
      expect(await at(2), `${metric} after`).toEqual([]);
      expect((await bed.sampleTimes(`${metric}{${sel}}[1m]`)).length).toBeGreaterThan(5);
    }
    expect(await numberOf(`container_state{${sel}}`)).toBe(1);
    expect(await bed.query(`container_state{${sel}, state="exited"}`)).toHaveLength(1);
    expect(await numberOf(`container_last_exit_code{${sel}}`)).toBe(137);
    await containers.docker("rm", "tt-burn");
    await delay(2500);
    expect(await bed.query(`{${sel}}`)).toEqual([]);
  });
});
