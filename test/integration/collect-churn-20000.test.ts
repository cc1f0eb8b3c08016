import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, onTestFinished, test } from "vitest";
import { findHierarchies } from "../../agent/collect/cgroup/hierarchies.ts";
import { createCollectors } from "../../agent/collect/collectors.ts";
import { parseMountinfo } from "../../agent/collect/proc/mounts.ts";
import { TickRunner } from "../../agent/collect/tick.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { FrameEncoder } from "../../shared/wire/frame-encoder.ts";
import { directoryForTest } from "../support/directory-for-test.ts";
import { MemoryLogger } from "../support/memory-logger.ts";
import { openFiles } from "./host-on-disk.ts";

const CGROUPS = 20_000;
const AT_A_TIME = 200;
/** In them the encoder's slots, the shared buffer and compiled code grow to the size they need. */
const WARM_UP_ROUNDS = 40;
const TOLERANCE = 0.05;
/** The compiler's and malloc's room differs by 4% from run to run; 10% are 500 bytes a cgroup. */
const NATIVE_TOLERANCE = 0.1;
const ENDED_SERIES_MAX = 10_000; // as in agent/pipeline/ticker.ts

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function containerId(n: number): string {
  return n.toString(16).padStart(64, "0");
}

/** Where cgroups can be made and removed, a directory for each hierarchy. */
type Ground = {
  make(name: string): void;
  remove(name: string): void;
};

/**
 * Cgroups of this machine, of which the agent is shown only those that the test made; null where
 * none may be made.
 */
function realGround(hostRoot: string): Ground | null {
  const found = findHierarchies(parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8")));
  if (found === null) return null;
  const hierarchies = new Set([found.primary, ...found.byController.values()]);
  const parents: string[] = [];
  const mountinfo: string[] = [];
  try {
    for (const { version, mountPoint, names } of hierarchies) {
      const parent = join(mountPoint, `telltale-churn-${process.pid}`);
      mkdirSync(parent);
      onTestFinished(() => removeTree(parent));
      parents.push(parent);
      mkdirSync(join(hostRoot, mountPoint, ".."), { recursive: true });
      symlinkSync(parent, join(hostRoot, mountPoint));
      const type = version === 1 ? `cgroup cgroup rw,${names.join(",")}` : "cgroup2 cgroup2 rw";
      mountinfo.push(`31 22 0:26 / ${mountPoint} rw - ${type}`);
    }
  } catch {
    return null; // read-only, or not root
  }
  writeFileSync(join(hostRoot, "proc/1/mountinfo"), `${mountinfo.join("\n")}\n`);
  return {
    make: (name) => {
      for (const parent of parents) mkdirSync(join(parent, name));
    },
    remove: (name) => {
      for (const parent of parents) rmdirSync(join(parent, name));
    },
  };
}

/** A cgroup with those below it; its files cannot be removed, and need not be. */
function removeTree(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) rmdirSync(join(directory, entry.name));
  }
  rmdirSync(directory);
}

function fakeGround(hostRoot: string): Ground {
  const mountinfo = "31 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
  writeFileSync(join(hostRoot, "proc/1/mountinfo"), mountinfo);
  const parent = join(hostRoot, "sys/fs/cgroup/docker");
  return {
    make: (name) => {
      mkdirSync(join(parent, name), { recursive: true });
      writeFileSync(join(parent, name, "cpu.stat"), "usage_usec 1\n");
      writeFileSync(join(parent, name, "memory.current"), "1\n");
    },
    remove: (name) => rmSync(join(parent, name), { recursive: true }),
  };
}

/** What the agent takes for the host: this machine's /proc but for the mounts. */
function makeHostRoot(): string {
  const hostRoot = directoryForTest();
  mkdirSync(join(hostRoot, "proc/1"), { recursive: true });
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$|^self$/.test(name)) symlinkSync(join("/proc", name), join(hostRoot, "proc", name));
  }
  return hostRoot;
}

/** All collectors and the encoder, as the agent has them. */
class Agent {
  readonly #encoder = new FrameEncoder(1, { keyframeEvery: 60 });
  readonly #collectors;
  readonly #runner: TickRunner;
  #nowMs = Date.now();
  #epoch = 1;
  #endedSeries = 0;
  #samples = 0;

  constructor(hostRoot: string) {
    this.#collectors = createCollectors({ hostRoot, cgroupsMax: 2000 }, nodeClock, this.#encoder);
    this.#runner = new TickRunner(this.#collectors, this.#encoder, nodeClock, new MemoryLogger());
    onTestFinished(() => {
      for (const { collector } of this.#collectors) collector.close();
    });
  }

  /** Series that have a value. */
  tick(): number {
    this.#nowMs += 1000;
    if (this.#endedSeries > ENDED_SERIES_MAX + this.#samples) {
      this.#epoch += 1;
      this.#encoder.beginEpoch(this.#epoch);
    }
    this.#runner.run(this.#nowMs);
    const frame = this.#encoder.encodeTick(this.#nowMs);
    this.#samples = frame.sampleCount;
    this.#endedSeries = frame.seriesCount - frame.sampleCount;
    return frame.sampleCount;
  }
}

/** How much room V8 keeps in its heap for later is its own affair: native memory is the rest. */
function footprint(agent: Agent): { descriptors: number; bytes: number; native: number } {
  for (let i = 0; i < 3; i += 1) agent.tick();
  for (let i = 0; i < 3; i += 1) collectGarbage();
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
  const descriptors = openFiles().length;
  return { descriptors, bytes: heapUsed + external, native: rss - heapTotal };
}

test(`${CGROUPS} cgroups later memory and descriptors are where they were`, () => {
  const hostRoot = makeHostRoot();
  const ground = realGround(hostRoot) ?? fakeGround(hostRoot);
  const agent = new Agent(hostRoot);
  // One stays, so that the parent is looked into in every tick.
  ground.make(containerId(0));
  const round = (n: number) => {
    const names = Array.from({ length: AT_A_TIME }, (_, i) => containerId(n * AT_A_TIME + i + 1));
    const quiet = agent.tick();
    for (const name of names) ground.make(name);
    const busy = agent.tick();
    for (const name of names) ground.remove(name);
    return busy - quiet;
  };
  for (let n = 0; n < WARM_UP_ROUNDS; n += 1) round(n);
  const before = footprint(agent);
  for (let n = WARM_UP_ROUNDS; n < CGROUPS / AT_A_TIME; n += 1) {
    expect(round(n)).toBeGreaterThan(AT_A_TIME);
  }
  const after = footprint(agent);
  const near = (one: number, other: number) => Math.abs(one / other - 1);
  expect(near(after.descriptors, before.descriptors)).toBeLessThanOrEqual(TOLERANCE);
  expect(near(after.bytes, before.bytes)).toBeLessThanOrEqual(TOLERANCE);
  expect(after.native / before.native, "native memory").toBeLessThanOrEqual(1 + NATIVE_TOLERANCE);
}, 240_000);
