import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Container,
  ContainerBed,
  oomKillsOf,
  whyNoContainers,
} from "../support/container-bed.ts";
import { Bed, eventually } from "../support/programs.ts";

const LIMITS = ["--memory=32m", "--memory-swap=32m"];
const RUNS = 3;

/** Three at a time: each asks for memory while another dies, which makes several events of a kill. */
const CHILDREN = `while :; do
  for i in 1 2 3; do dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null & done; wait
  sleep 1; done`;
const FIRST_PROCESS = "sleep 2; exec dd if=/dev/zero of=/dev/null bs=64M count=1";

const why = whyNoContainers();

describe.skipIf(why !== null)("OOM kills of containers are as many as the kernel's", () => {
  let bed: Bed;
  let containers: ContainerBed;

  beforeAll(async () => {
    containers = await ContainerBed.open();
    bed = await Bed.open();
    await bed.startReadyAggregator();
    bed.start("agent", [`--host-root=${containers.hostRoot}`]);
    await eventually(async () => (await bed.query("up == 1")).length === 1, 90_000);
  });

  afterAll(async () => {
    await bed?.[Symbol.asyncDispose]();
    await containers?.[Symbol.asyncDispose]();
  });

  async function counted(metric: string, { id }: Container): Promise<number | undefined> {
    const [series] = await bed.query(`${metric}{id="/docker/${id}"}`);
    return series?.[1];
  }

  /** What stopped changing: a busy machine gets there late, and nothing may come on top. */
  async function expectCounted(kills: number, container: Container): Promise<void> {
    const count = () => counted("container_oom_events_total", container);
    await eventually(async () => (await count()) === kills).catch(() => undefined);
    await delay(3500);
    expect(await count()).toBe(kills);
  }

  test("while its first process survives, and after the container ended", async () => {
    const container = await containers.run("tt-children", CHILDREN, LIMITS);
    await eventually(() => oomKillsOf(container) >= 20, 60_000);
    // It fails while a process that is being killed cannot be frozen.
    await eventually(async () => (await containers.docker("pause", container.name)) !== "");
    const kills = oomKillsOf(container);
    await expectCounted(kills, container);
    const events = await counted("container_runtime_oom_events_total", container);
    console.log(`${kills} OOM kills, ${events} events of the runtime`);
    await containers.docker("kill", container.name);
    await expectCounted(kills, container);
  });

  test("one for each run whose first process was killed, which nobody could read", async () => {
    const options = [...LIMITS, `--restart=on-failure:${RUNS - 1}`];
    const container = await containers.run("tt-first", FIRST_PROCESS, options);
    const state = () => containers.inspect(container.name, "{{.RestartCount}} {{.State.Status}}");
    await eventually(async () => (await state()) === `${RUNS - 1} exited`, 60_000);
    await expectCounted(RUNS, container);
  });
});
