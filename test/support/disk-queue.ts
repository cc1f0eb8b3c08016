import { type FrameQueue, openFrameQueue } from "../../agent/frames/frame-queue.ts";
import { openLevelStore, type StoreDamage } from "../../shared/platform/level-store.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { MemoryLogger } from "./memory-logger.ts";

const LEVEL = { cacheBytes: 2 ** 20, writeBufferBytes: 2 ** 16 };
const LIMITS = {
  bytesMax: 2 ** 50,
  ageMaxMs: 2 ** 50,
  whenFull: "drop_oldest",
  freeBytesMin: 0,
} as const;

/** An agent's frames on a real disk, as the agent has them open; no limit is near. */
export class DiskQueue implements AsyncDisposable {
  readonly damages: StoreDamage[] = [];
  readonly metrics = new Metrics();
  queue = undefined as unknown as FrameQueue; // `open` sets these two
  #store = undefined as unknown as KeyValueStore;

  /** @param wrap what the queue sees of the store */
  static async open(
    directory: string,
    wrap: (store: KeyValueStore) => KeyValueStore = (store) => store,
  ): Promise<DiskQueue> {
    const open = new DiskQueue();
    const deps = {
      clock: nodeClock,
      random: Math.random,
      logger: new MemoryLogger(),
      metrics: open.metrics,
      freeBytes: async () => LIMITS.bytesMax,
    };
    const report = (damage: StoreDamage) => open.damages.push(damage);
    open.queue = await openLevelStore(directory, LEVEL, report, async (store) => {
      open.#store = store;
      return await openFrameQueue({ ...deps, store: wrap(store) }, LIMITS);
    });
    return open;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.queue.close();
    await this.#store.close();
  }
}
