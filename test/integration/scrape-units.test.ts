import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { foundUnits } from "../../agent/scrape/discovery/found-units.ts";
import { unitPorts } from "../../agent/unit-ports.ts";
import { labelsOf } from "../../shared/model/labels.ts";
import { directoryForTest } from "../support/directory-for-test.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { MemoryLogger } from "../support/memory-logger.ts";
import type { Plain } from "../unit/collect/systemd-encoder.ts";
import { type BusReply, type BusRequest, FakeBus } from "./fake-bus.ts";

const FOLDER = "/run/systemd/units";
const UNIT = "/etc/systemd/system/shop.service";

/** A host whose systemd runs these units, and what is found there. */
async function startHost() {
  const root = directoryForTest();
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write("/run/systemd/system/x", "");
  write(`${FOLDER}/invocation:shop.service`, "");
  write(UNIT, "[Unit]\nX-Telltale-Scrape=:9100\n");
  const active = new Set(["shop.service"]);
  const answer = ({ member, texts, path }: BusRequest): BusReply => {
    if (member === "Hello") return { signature: "s", body: [":1.5"] };
    if (member === "ListUnits") {
      const units = [...active].map((name): Plain => {
        return [name, "", "loaded", "active", "running", "", `/unit/${name}`, 0, "", "/"];
      });
      return { signature: "a(ssssssouso)", body: [units] };
    }
    const name = path.replace("/unit/", "");
    if (texts[1] === "FragmentPath") {
      return { signature: "v", body: [["s", `/etc/systemd/system/${name}`]] };
    }
    return { signature: "v", body: [["as", []]] };
  };
  const bus = new FakeBus({ isLittle: true, answer });
  mkdirSync(join(root, "run/dbus"), { recursive: true });
  await bus.listen(join(root, "run/dbus/system_bus_socket"));
  onTestFinished(() => bus.close());
  const clock = new FakeClock(0);
  const logger = new MemoryLogger();
  const found = foundUnits(unitPorts(root), "n1", { clock, logger });
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  void found.run?.(stop.signal);
  const targets = () => found.find().groups.flatMap((group) => group.targets);
  return { root, write, active, bus, clock, logger, found, targets };
}

const SHOP = labelsOf({
  __address__: "127.0.0.1:9100",
  __metrics_path__: "/metrics",
  __scheme__: "http",
  instance: "n1:9100",
  job: "shop",
  service: "shop",
  unit: "shop.service",
});
const SOON = { timeout: 10_000 };

test("what units ask for is found at the start, and when one starts or ends", async () => {
  const { root, write, active, clock, found, targets } = await startHost();
  await vi.waitFor(() => expect(found.changes).toBe(1), SOON);
  expect(targets()).toEqual([SHOP]);
  active.add("db.service");
  write("/etc/systemd/system/db.service", "[Service]\nX-Telltale-Scrape=:9187 nonsense\n");
  write(`${FOLDER}/invocation:db.service`, "");
  await vi.waitFor(async () => {
    await clock.advance(5000);
    expect(found.changes).toBe(2);
  }, SOON);
  expect(targets()).toHaveLength(2);
  expect(found.find().refused).toEqual([
    { subject: "db.service", reason: "not [HOST]:PORT[/PATH]: nonsense" },
  ]);
  active.clear();
  rmSync(join(root, FOLDER, "invocation:db.service"));
  await vi.waitFor(async () => {
    await clock.advance(5000);
    expect(targets()).toEqual([]);
  }, SOON);
});

test("as long as no unit starts or ends, systemd is asked every ten minutes", async () => {
  const { bus, clock, found } = await startHost();
  await vi.waitFor(() => expect(found.changes).toBe(1), SOON);
  for (let i = 0; i < 100; i += 1) {
    await clock.advance(5000);
    await new Promise((resolve) => setImmediate(resolve)); // a file is looked at
  }
  expect(bus.connections).toBe(1);
  await vi.waitFor(async () => {
    await clock.advance(5000);
    expect(bus.connections).toBe(2);
  }, SOON);
});

test("a host that does not run systemd is asked nothing", async () => {
  const ports = unitPorts(directoryForTest());
  const talk = () => Promise.reject(new Error("nobody is there"));
  expect(await ports.converse(new AbortController().signal, talk)).toBeNull();
  expect(await ports.mark()).toBeNull();
});
