import { LogsApi } from "../../aggregator/api/logs-api.ts";
import { LokiPush } from "../../aggregator/api/loki-push.ts";
import type { LinePattern, PatternSource } from "../../aggregator/api/ports.ts";
import { DEFAULT_LOGQL_OPTIONS } from "../../aggregator/logql/engine.ts";
import { LineLog } from "../../aggregator/logs/line-log.ts";
import { logsPort } from "../../aggregator/queries.ts";
import type { Labels } from "../../shared/model/labels.ts";
import { seqOf } from "../../shared/model/sequence.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { encodeBlock } from "../../shared/wire/line-block.ts";
import { MemoryLogger } from "./memory-logger.ts";
import { MemoryStore } from "./memory-store.ts";

const STREAM_ID = "0123456789abcdef0123456789abcdef";
const LIMITS = { timeoutMs: 600_000, runningMax: 4, waitingMax: 4 };

/** Lines of one node that lie in memory, and what is asked of them. */
export class MemoryLines {
  readonly log = new LineLog({
    store: new MemoryStore(),
    clock: nodeClock,
    logger: new MemoryLogger(),
    metrics: new Metrics(),
  });
  readonly patterns: PatternSource = { patterns: () => this.found };
  found: readonly LinePattern[] = [];
  readonly api = new LogsApi(
    { logs: logsPort(this.log, DEFAULT_LOGQL_OPTIONS, "stored"), patterns: this.patterns },
    nodeClock,
    LIMITS,
  );
  readonly push = new LokiPush(
    { store: this.log, clock: nodeClock, metrics: new Metrics() },
    { retentionMs: Number.MAX_SAFE_INTEGER },
    [],
  );
  #count = 0;

  /** A block of lines of one source. */
  async add(labels: Labels, lines: readonly (readonly [timeUs: number, text: string])[]) {
    this.#count += 1;
    const own = lines.map(([timeUs, text]) => ({ timeUs, bytes: Buffer.from(text), isCut: false }));
    const bytes = encodeBlock(seqOf(1, this.#count), nodeClock.nowMs(), [{ labels, lines: own }]);
    const item = { kind: "block", node: "web1", streamId: STREAM_ID, bytes } as const;
    await this.log.commit([item], this);
  }
}
