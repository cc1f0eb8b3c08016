import { type LineLog, openLineLog } from "../../aggregator/logs/line-log.ts";
import { labelValue } from "../../shared/model/labels.ts";
import { openLevelStore } from "../../shared/platform/level-store.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { MemoryLogger } from "./memory-logger.ts";
import type { Bed } from "./programs.ts";

const LIMITS = { cacheBytes: 2 ** 20, writeBufferBytes: 2 ** 20 };

/**
 * Every line in the store of an aggregator that was stopped, in the order in which it got them.
 *
 * @throws Error when the store is damaged
 */
export async function eachStoredLine(
  bed: Bed,
  visit: (filename: string, text: string) => void,
): Promise<void> {
  const read = async (log: LineLog) => {
    for (const one of log.blocks) {
      const block = await log.read(one);
      for (const { labels, lines } of block?.sources ?? []) {
        const path = labelValue(labels, "filename");
        for (const { bytes } of lines) visit(path, Buffer.from(bytes).toString());
      }
    }
    await log.close();
  };
  const deps = { clock: nodeClock, logger: new MemoryLogger(), metrics: new Metrics() };
  const fail = (damage: object) => {
    throw new Error(`The store is damaged: ${JSON.stringify(damage)}`);
  };
  await openLevelStore(bed.path("aggregator/logs"), LIMITS, fail, async (store) => {
    await read(await openLineLog({ ...deps, store }));
  });
}
