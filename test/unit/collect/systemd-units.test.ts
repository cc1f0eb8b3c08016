import { describe, expect, test } from "vitest";
import { Reading } from "../../../agent/collect/kit/reading.ts";
import type { DbusValue } from "../../../agent/collect/systemd/dbus-decoder.ts";
import type { DbusCall } from "../../../agent/collect/systemd/dbus-message.ts";
import { SERIES_MAX, UNITS_MAX, UnitReader } from "../../../agent/collect/systemd/units.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { scaledValue } from "../../../shared/model/series-definition.ts";

function unit(name: string, active = "active", load = "loaded"): DbusValue {
  return [name, "about it", load, active, "running", "", `/unit/${name}`, 0, "", "/"];
}

const PROPERTIES: Record<string, DbusValue> = {
  "/org/freedesktop/systemd1 Version": "252.39-1~deb12u1",
  "/org/freedesktop/systemd1 SystemState": "degraded",
  "/unit/a.service Type": "notify",
  "/unit/a.service NRestarts": 3,
  "/unit/a.service ActiveEnterTimestamp": 1_700_000_000_123_456,
  "/unit/b.timer LastTriggerUSec": 1_700_000_000_000_000,
  "/unit/b.timer ActiveEnterTimestamp": 2 ** 64,
  "/unit/c.socket NAccepted": 7,
  "/unit/c.socket NConnections": 1,
  "/unit/c.socket NRefused": 0,
};

function bus(units: DbusValue) {
  const asked: string[] = [];
  const call = async ({ path, member, arguments: names }: DbusCall) => {
    if (member === "ListUnits") return [units];
    const key = `${path} ${names[1]}`;
    asked.push(key);
    const value = PROPERTIES[key];
    if (value === undefined) throw new OperationalError("NOT_FOUND", "D-Bus answers no");
    return [value];
  };
  return { asked, call };
}

async function read(units: DbusValue, reader = new UnitReader()) {
  const reading = new Reading(SERIES_MAX);
  const { asked, call } = bus(units);
  await reader.read(call, reading);
  const values = [...reading.values.values()].map(({ spec, labels, value }) => {
    const texts = Object.values(labels).filter((text) => text !== "");
    return [`${spec.name} ${texts.join(" ")}`, scaledValue(value, spec.scale)] as const;
  });
  return { asked, reading, values: new Map(values) };
}

describe("units of systemd", () => {
  test("have a state, a start, and what their type counts", async () => {
    const { values, reading } = await read([
      unit("a.service"),
      unit("b.timer"),
      unit("c.socket", "inactive"),
      unit("gone.service", "inactive", "not-found"),
      unit("x.slice"),
      unit("sda.device"),
    ]);
    const wanted = [...values].filter(([key, value]) => !/unit_state/.test(key) || value === 1);
    expect(Object.fromEntries(wanted)).toEqual({
      "node_systemd_version 252.39-1~deb12u1": 252.39,
      "node_systemd_system_running ": 0,
      "node_systemd_units active": 4,
      "node_systemd_units activating": 0,
      "node_systemd_units deactivating": 0,
      "node_systemd_units inactive": 2,
      "node_systemd_units failed": 0,
      "node_systemd_unit_state a.service a active notify": 1,
      "node_systemd_unit_start_time_seconds a.service a": 1_700_000_000.123456,
      "node_systemd_service_restart_total a.service a": 3,
      "node_systemd_unit_state b.timer active": 1,
      "node_systemd_timer_last_trigger_seconds b.timer": 1_700_000_000,
      "node_systemd_unit_state c.socket inactive": 1,
      "node_systemd_unit_start_time_seconds c.socket": 0,
      "node_systemd_socket_accepted_connections_total c.socket": 7,
      "node_systemd_socket_current_connections c.socket": 1,
      "node_systemd_socket_refused_connections_total c.socket": 0,
    });
    expect([...values].filter(([key]) => key.startsWith("node_systemd_unit_state"))).toHaveLength(
      15,
    );
    expect(reading.malformed).toBe(1);
  });

  test("a unit in a state of a newer systemd is counted and has the state unknown", async () => {
    const { values } = await read([unit("a.service", "refreshing"), unit("x.slice", "refreshing")]);
    const known = [...values].filter(([key]) => /unit_state|units/.test(key));
    expect(known.filter(([, value]) => value > 0)).toEqual([
      ["node_systemd_units unknown", 2],
      ["node_systemd_unit_state a.service a unknown notify", 1],
    ]);
  });

  test("the type of a service is asked for once", async () => {
    const reader = new UnitReader();
    const first = await read([unit("a.service")], reader);
    const second = await read([unit("a.service")], reader);
    expect(first.asked).toContain("/unit/a.service Type");
    expect(second.asked).not.toContain("/unit/a.service Type");
    expect([...second.values.keys()]).toContain(
      "node_systemd_unit_state a.service a active notify",
    );
  });

  test("beyond the bound they are counted only", async () => {
    const many = Array.from({ length: UNITS_MAX + 5 }, (_, i) => unit(`${i}.path`, "inactive"));
    const { values, reading } = await read(many);
    expect(reading.overflow).toBe(5);
    expect(values.get("node_systemd_units inactive")).toBe(UNITS_MAX + 5);
  });

  test("no list is refused, and what is no unit is left out", async () => {
    await expect(read("units")).rejects.toMatchObject({ code: "PROTOCOL" });
    expect((await read(["x", 5, [1, 2, 3]])).reading.malformed).toBe(3);
  });
});
