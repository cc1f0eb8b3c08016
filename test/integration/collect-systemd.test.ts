import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { BackgroundCollector } from "../../agent/collect/background.ts";
import { SYSTEMD_COLLECTOR } from "../../agent/collect/systemd/systemd-collector.ts";
import type { Plain } from "../unit/collect/systemd-encoder.ts";
import { type BusReply, type BusRequest, FakeBus, type FakeBusOptions } from "./fake-bus.ts";
import { HostOnDisk } from "./host-on-disk.ts";

const BUS = "run/dbus/system_bus_socket";

function bed() {
  const host = new HostOnDisk({ "run/systemd/system/x": "", "run/dbus/x": "" });
  const collector = SYSTEMD_COLLECTOR.create(host.context);
  onTestFinished(() => collector.close());
  const tick = (nowMs: number) => host.sink.tick(collector, nowMs);
  return { host, collector, tick };
}

async function startBus(
  host: HostOnDisk,
  path: string,
  options: Partial<FakeBusOptions> = {},
): Promise<FakeBus> {
  const bus = new FakeBus({ isLittle: true, answer, ...options });
  await bus.listen(join(host.root, path));
  onTestFinished(() => bus.close());
  return bus;
}

function unit(name: string, active: string): Plain {
  const path = `/org/freedesktop/systemd1/unit/${name}`;
  return [name, "", "loaded", active, "x", "", path, 0, "", "/"];
}

/** By name: type and value. */
const PROPERTIES: Readonly<Record<string, Plain>> = {
  Version: ["s", "252.39-1~deb12u1"],
  SystemState: ["s", "running"],
  Type: ["s", "simple"],
  NRestarts: ["u", 2],
  ActiveEnterTimestamp: ["t", 1_700_000_000_000_000n],
};

function answer({ member, texts }: BusRequest): BusReply {
  if (member === "Hello") return { signature: "s", body: [":1.5"] };
  if (member === "ListUnits") {
    const services = Array.from({ length: 150 }, (_, i) => unit(`s${i}.service`, "active"));
    return { signature: "a(ssssssouso)", body: [[...services, unit("a.timer", "failed")]] };
  }
  const property = PROPERTIES[texts[1] ?? ""];
  if (property !== undefined) return { signature: "v", body: [property] };
  return { errorName: "org.freedesktop.DBus.Error.UnknownProperty" };
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
    ["little endian, over the bus", true, BUS],
    ["big endian, over systemd's own socket", false, "run/systemd/private"],
  ])("%s: states of all units, and the socket is closed after", async (_, isLittle, path) => {
    const { host, tick } = bed();
    const bus = await startBus(host, path, { isLittle });
    tick(0);
    const values = await until(tick, 1);
    const label = 'job="node", name="s149.service", service="s149"';
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
    const { host, tick } = bed();
    host.remove("run/systemd");
    tick(0);
    await delay(50);
    expect(tick(1).size).toBe(0);
  });

  test("one who refuses us, talks nonsense or hangs up fails the collector", async () => {
    for (const greeting of ["REJECTED EXTERNAL\r\n", "OK\r\nnonsense of more than 16 bytes"]) {
      const { host, tick } = bed();
      await startBus(host, BUS, { greeting });
      tick(0);
      await expect(until(tick, 1)).rejects.toMatchObject({ code: "PROTOCOL" });
    }
    const { tick } = bed();
    tick(0);
    await expect(until(tick, 1)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  test("one who never answers fails it after its time, and close ends the conversation", async () => {
    const { host, collector, tick } = bed();
    const bus = await startBus(host, BUS, { answer: () => undefined });
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
