import type { Clock, KeyValueStore, Logger } from "../../shared/platform/ports.ts";
import type { FakeClock } from "../support/fake-clock.ts";
import { type CrashKind, MemoryDisk, MemoryStore, never } from "../support/memory-store.ts";
import type { SeededRandom } from "../support/random.ts";
import type { Trace } from "./trace.ts";

/** What every part of a simulated world stands in. */
export type Surroundings = {
  readonly clock: FakeClock;
  readonly random: SeededRandom;
  readonly trace: Trace;
};

export type DiskSpeed = { readonly read: number; readonly write: number; readonly sync: number };

/** A machine: its wall clock and its disks outlive the processes that run on it. */
export class Host {
  readonly name: string;
  readonly world: Surroundings;
  readonly disks = new Map<string, MemoryDisk>();
  readonly #random: SeededRandom;
  readonly #speed: DiskSpeed;
  readonly #releases: (() => void)[] = [];
  #wallOffsetMs: number;
  #stepsToCrash = Number.POSITIVE_INFINITY;
  #process: Process | null = null;
  #onCrash: (kind: CrashKind) => void = () => {};
  #crashKind: CrashKind = "kill";

  constructor(name: string, world: Surroundings, options: { speed: DiskSpeed; wallMs: number }) {
    this.name = name;
    this.world = world;
    this.#random = world.random.fork(name);
    this.#speed = options.speed;
    this.#wallOffsetMs = options.wallMs;
  }

  wallMs(): number {
    return this.world.clock.nowMs() + this.#wallOffsetMs;
  }

  stepWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  setWall(aheadMs: number): void {
    this.#wallOffsetMs = aheadMs;
  }

  setFull(isFull: boolean): void {
    for (const disk of this.disks.values()) disk.isFull = isFull;
  }

  setSyncFailing(isFailing: boolean): void {
    for (const disk of this.disks.values()) disk.doesSyncFail = isFailing;
  }

  /** Returns what ends it. */
  hangSync(): () => void {
    const releases = [...this.disks.values()].map((disk) => disk.hangSync());
    const release = () => {
      for (const one of releases) one();
    };
    this.#releases.push(release);
    return release;
  }

  mend(): void {
    for (const release of this.#releases) release();
    this.setFull(false);
    this.setSyncFailing(false);
  }

  disk(name: string): MemoryDisk {
    const known = this.disks.get(name);
    if (known !== undefined) return known;
    const disk = new MemoryDisk(`${this.name}/${name}`);
    this.disks.set(name, disk);
    return disk;
  }

  start(): Process {
    this.#process = new Process(this);
    return this.#process;
  }

  /** The process that runs here is dead at once; the power cut takes unsynced writes with it. */
  crash(kind: CrashKind): void {
    this.#stepsToCrash = Number.POSITIVE_INFINITY;
    if (this.#process === null) return;
    this.#process.isDead = true;
    this.#process = null;
    for (const disk of this.disks.values()) disk.crash(this.#random.next, kind);
    this.#onCrash(kind);
  }

  /** The process ended by itself; a store it left open is closed by the kernel. */
  exit(process: Process): void {
    process.isDead = true;
    if (this.#process === process) this.#process = null;
    for (const disk of this.disks.values()) disk.release();
  }

  /** Dies in the middle of the disk work: at the `steps`-th step of a write from now on. */
  crashAtWriteStep(steps: number, kind: CrashKind): void {
    this.#stepsToCrash = steps;
    this.#crashKind = kind;
  }

  onCrash(callback: (kind: CrashKind) => void): void {
    this.#onCrash = callback;
  }

  /** Opens a store as level-store.ts does: when it cannot be loaded it is closed again. */
  async loadStore<T>(
    process: Process,
    name: string,
    load: (store: KeyValueStore) => Promise<T>,
  ): Promise<T> {
    const disk = this.disk(name);
    const store = new MemoryStore(disk, {
      clock: process.clock,
      random: this.#random.next,
      latencyMaxMs: this.#speed,
      onWriteStep: (step) => {
        if (process.isDead) return;
        this.world.trace.add(`write-${step}`, disk.name);
        this.#stepsToCrash -= 1;
        if (this.#stepsToCrash <= 0) this.crash(this.#crashKind);
      },
    });
    try {
      return await load(store);
    } catch (error) {
      await store.close().catch(() => undefined);
      throw error;
    }
  }
}

/**
 * One life of a program. When it is dead nothing it waits for ever comes, so that what is left of
 * it in memory does nothing more to the world.
 */
export class Process {
  isDead = false;
  readonly host: Host;
  readonly clock: Clock;
  readonly logger: Logger;

  constructor(host: Host) {
    this.host = host;
    const { clock, trace } = host.world;
    this.clock = {
      nowMs: () => host.wallMs(),
      monotonicMs: () => clock.monotonicMs(),
      sleep: async (ms, signal) => {
        try {
          await clock.sleep(ms, signal);
        } finally {
          if (this.isDead) await never();
        }
      },
    };
    const log = (level: string) => (fields: object, message: string) => {
      if (!this.isDead)
        trace.add(`log-${level}`, host.name, `${message} ${JSON.stringify(fields)}`);
    };
    this.logger = { debug: () => {}, info: log("info"), warn: log("warn"), error: log("error") };
  }
}
