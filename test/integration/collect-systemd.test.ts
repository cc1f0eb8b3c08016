import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { BackgroundCollector } from "../../agent/collect/background.ts";
import { type CollectContext, Faults } from "../../agent/collect/context.ts";
import { ReadBuffer } from "../../agent/collect/kit/held-file.ts";
import { SYSTEMD_COLLECTOR } from "../../agent/collect/systemd/systemd-collector.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import { RecordingSink } from "../unit/collect/recording-sink.ts";
import type { Plain } from "../unit/collect/systemd-encoder.ts";
import { type BusReply, type BusRequest, FakeBus } from "./fake-bus.ts";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
});

function bed() {
  const root = mkdtempSync(join(tmpdir(), "telltale-bus-"));
  ends.push(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "run/systemd/system"), { recursive: true });
  mkdirSync(join(root, "run/dbus"), { recursive: true });
  const sink = new RecordingSink();
  const faults = new Faults(sink);
  const context: CollectContext = {
    hostRoot: root,
    buffer: new ReadBuffer(),
    sink,
    faults,
    background: new SerialQueue(),
    clock: nodeClock,
  };
  const collector = SYSTEMD_COLLECTOR.create(context);
  ends.push(() => collector.close());
  const tick = (nowMs: number) => sink.tick(collector, nowMs);
  return { root, sink, collector, tick };
}

async function startBus(
  path: string,
  answer: (request: BusRequest) => BusReply | undefined,
  isLittle = true,
  greeting?: string,
): Promise<FakeBus> {
  const options = { isLittle, answer, ...(greeting === undefined ? {} : { greeting }) };
  const bus = new FakeBus(options);
  await bus.listen(path);
  ends.push(() => bus.close());
  return bus;
}

function unit(name: string, active: string): Plain {
  return [
    name,
    "",
    "loaded",
    active,
    "x",
    "",
    `/org/freedesktop/systemd1/unit/${name}`,
    0,
    "",
    "/",
  ];
}

function answer({ member, texts }: BusRequest): BusReply {
  if (member === "Hello") return { signature: "s", body: [":1.5"] };
  if (member === "ListUnits") {
    const services = Array.from({ length: 150 }, (_, i) => unit(`s${i}.service`, "active"));
    return { signature: "a(ssssssouso)", body: [[...services, unit("a.timer", "failed")]] };
  }
  const variant = (type: string, value: Plain) => ({ signature: "v", body: [[type, value]] });
  switch (texts[1]) {
    case "Version":
      return variant("s", "252.39-1~deb12u1");
    case "SystemState":
      return variant("s", "running");
    case "Type":
      return variant("s", "simple");
    case "NRestarts":
      return variant("u", 2);
    case "ActiveEnterTimestamp":
      return variant("t", 1_700_000_000_000_000n);
    default:
      return { errorName: "org.freedesktop.DBus.Error.UnknownProperty" };
  }
}

/** Ticks until there is something, or a failure. */
async function until(tick: (nowMs: number) => Map<string, number>, nowMs: number) {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    await delay(10);
    const values = tick(nowMs);
    if (values.size > 0) return values;
  }
  throw new Error("no values");
}

describe("a conversation with systemd", () => {
  test.each([
    ["little endian, over the bus", true, "run/dbus/system_bus_socket"],
    ["big endian, over systemd's own socket", false, "run/systemd/private"],
  ])("%s: states of all units, and the socket is closed after", async (_, isLittle, path) => {
    const { root, tick } = bed();
    const bus = await startBus(join(root, path), answer, isLittle);
    tick(0);
    const values = await until(tick, 1);
    const label = 'job="node", name="s149.service"';
    expect(values.get(`node_systemd_unit_state{${label}, state="active", type="simple"}`)).toBe(1);
    expect(values.get(`node_systemd_service_restart_total{${label}}`)).toBe(2);
    expect(values.get('node_systemd_units{job="node", state="failed"}')).toBe(1);
    expect(values.get('node_systemd_system_running{job="node"}')).toBe(1);
    expect(bus.requests.some(({ member }) => member === "Hello")).toBe(path.includes("dbus"));
    await delay(50);
    expect(bus.sockets.size).toBe(0);
    tick(59_000);
    await delay(50);
    expect(bus.connections).toBe(1);
    tick(60_000);
    await delay(200);
    expect(bus.connections).toBe(2);
  });

  test("without systemd there are no series and no failure", async () => {
    const { root, tick } = bed();
    rmSync(join(root, "run/systemd"), { recursive: true });
    tick(0);
    await delay(50);
    expect(tick(1).size).toBe(0);
  });

  test("one who refuses us, talks nonsense or hangs up fails the collector", async () => {
    for (const greeting of ["REJECTED EXTERNAL\r\n", "OK\r\nnonsense of more than 16 bytes"]) {
      const { root, tick } = bed();
      await startBus(join(root, "run/dbus/system_bus_socket"), answer, true, greeting);
      tick(0);
      await expect(until(tick, 1)).rejects.toMatchObject({ code: "PROTOCOL" });
    }
    const { tick } = bed();
    tick(0);
    await expect(until(tick, 1)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  test("one who never answers fails it after its time, and close ends the conversation", async () => {
    const { root, collector, tick } = bed();
    const bus = await startBus(join(root, "run/dbus/system_bus_socket"), () => undefined);
    tick(0);
    await delay(100);
    expect(bus.sockets.size).toBe(1);
    expect(() => tick(5000)).toThrow(/within 5 s/);
    collector.close();
    await delay(50);
    expect(bus.sockets.size).toBe(0);
    expect(collector).toBeInstanceOf(BackgroundCollector);
  });
});
