import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { ContainerDirectory } from "../../agent/collect/containers/container-directory.ts";
import { Faults } from "../../agent/collect/context.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { MemoryLogger } from "../support/memory-logger.ts";
import { RecordingSink } from "../unit/collect/recording-sink.ts";
import { idOf } from "./fake-engine.ts";

const ID = idOf(1);
const PATH = `/docker/${ID}`;
const hostRoot = mkdtempSync(join(tmpdir(), "telltale-late-"));
afterEach(() => rmSync(hostRoot, { recursive: true }));

test("a file that answers after the wait is late, not lost", async () => {
  const config = join(hostRoot, "var/lib/docker/containers", ID);
  mkdirSync(config, { recursive: true });
  const content = { ID, Name: "/db", Config: { Image: "postgres:16" } };
  writeFileSync(join(config, "config.v2.json"), JSON.stringify(content));
  const clock = new FakeClock();
  const directory = new ContainerDirectory({
    hostRoot,
    clock,
    random: () => 1,
    logger: new MemoryLogger(),
    faults: new Faults(new RecordingSink()),
  });
  const lookup = (afterMs: number) =>
    directory.lookup(ID, "docker", PATH, clock.nowMs() + afterMs)?.source;
  // No turn of the event loop in between: the disk has had no time to answer.
  expect(lookup(0)).toBeUndefined();
  expect(lookup(2500)).toBe("cgroup");
  await vi.waitFor(() => expect(lookup(2500)).toBe("docker-config"), 5000);
  await directory[Symbol.asyncDispose]();
});
