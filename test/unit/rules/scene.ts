import type { AlertChange, CompiledExpr, WriteFn } from "../../../aggregator/rules/ports.ts";
import { parseRuleFiles } from "../../../aggregator/rules/rule-files.ts";
import { openRules, type RuleRunner } from "../../../aggregator/rules/run-rules.ts";
import { formatFault } from "../../../shared/config/decode-yaml.ts";
import { OperationalError } from "../../../shared/errors.ts";
import type { VectorSample } from "../../../shared/model/columns.ts";
import {
  formatLabels,
  type Labels,
  labelsOf,
  labelValue,
  METRIC_NAME,
} from "../../../shared/model/labels.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { MemoryDisk, MemoryStore, type MemoryStoreOptions } from "../../support/memory-store.ts";

/** A series `NAME{…}` that a rule reads as `NAME` (all of it) or `NAME > 0`. */
export type Data = Map<string, VectorSample[]>;

/**
 * Rules over a memory store and a fake clock. The expressions are `NAME` and `NAME > 0`: the part of
 * PromQL the rules' own behaviour can be seen with.
 */
export class Scene {
  readonly clock = new FakeClock();
  readonly disk = new MemoryDisk();
  readonly logger = new MemoryLogger();
  readonly metrics = new Metrics();
  readonly data: Data = new Map();
  /** `status alertname{labels} startsAt endsAt`, as committed. */
  readonly told: string[] = [];
  /** `status instance {annotations}` of the same. */
  readonly toldAnnotations: string[] = [];
  /** Handed out and not yet safe, of the process that runs. */
  staged: AlertChange[] = [];
  readonly writes: { group: string; timeMs: number; samples: readonly VectorSample[] }[] = [];
  readonly evaluatedMs: number[] = [];
  isComplete = true;
  /** By node. */
  readonly latenessMs = new Map<string, number>();
  queryDelayMs = 0;
  storeOptions: MemoryStoreOptions = {};
  #changed: (() => void)[] = [];
  store = new MemoryStore(this.disk);

  get startMs(): number {
    return this.clock.nowMs();
  }

  set(name: string, value: number | null, labels: Record<string, string> = {}): void {
    const sample = { labels: labelsOf({ ...labels, [METRIC_NAME]: name }), value: value ?? 0 };
    const key = formatLabels(sample.labels);
    const others = (this.data.get(name) ?? []).filter((one) => formatLabels(one.labels) !== key);
    this.data.set(name, value === null ? others : [...others, sample]);
  }

  async open(): Promise<RuleRunner> {
    const staged: AlertChange[] = [];
    this.staged = staged;
    return openRules(
      {
        store: this.store,
        write: this.#write,
        notify: {
          operations: (changes) => {
            staged.push(...changes);
            const value = Buffer.from(changes.map(describe).join("\n"));
            return [{ type: "put", key: Buffer.from(`n|${staged.length}`), value }];
          },
          wake: () => {
            const changes = staged.splice(0);
            this.told.push(...changes.map(describe));
            this.toldAnnotations.push(...changes.map(annotationsText));
          },
        },
        dataClock: {
          isComplete: () => this.isComplete,
          latenessMs: (node) => this.latenessMs.get(node) ?? 0,
          changed: (signal) =>
            new Promise((resolve, reject) => {
              this.#changed.push(resolve);
              signal.addEventListener("abort", () => reject(signal.reason));
            }),
        },
        clock: this.clock,
        logger: this.logger,
        metrics: this.metrics,
      },
      {
        defaultIntervalMs: 1000,
        dataWaitMaxMs: 1000,
        external: { labels: labelsOf({ region: "eu" }), url: "http://telltale:7071" },
      },
    );
  }

  /** What a process leaves behind that was killed; the next `open` starts from it. */
  crash(): void {
    this.disk.crash(() => 0.5, "kill");
    this.store = new MemoryStore(this.disk, this.storeOptions);
  }

  completeData(): void {
    this.isComplete = true;
    for (const wake of this.#changed.splice(0)) wake();
  }

  /** Samples of the last write of a group, as text. */
  lastWrite(group: string): string[] | undefined {
    const last = this.writes.findLast((write) => write.group === group);
    return last?.samples.map(({ labels, value }) => `${formatLabels(labels)} ${value}`);
  }

  total(name: string): number {
    const samples = this.metrics.samples().filter(({ labels }) => labels.includes(name));
    return samples.reduce((sum, { value }) => sum + value, 0);
  }

  readonly compile = (query: string): CompiledExpr => {
    const [name = "", , threshold] = query.split(" ");
    const select = () => {
      if (name === "broken") throw new OperationalError("QUERY", "Broken on purpose");
      return this.data.get(name) ?? [];
    };
    return {
      query,
      instant: async (timeMs) => {
        this.evaluatedMs.push(timeMs);
        if (this.queryDelayMs > 0) await this.clock.sleep(this.queryDelayMs);
        return select().filter(({ value }) => threshold === undefined || value > Number(threshold));
      },
      presence: async () => select(),
    };
  };

  groups(text: string) {
    const { groups, faults } = parseRuleFiles([{ path: "r.yaml", text }], this.compile);
    if (faults.length > 0) throw new Error(faults.map(formatFault).join("\n"));
    return groups;
  }

  readonly #write: WriteFn = async (group, timeMs, samples) => {
    await null;
    this.writes.push({ group, timeMs, samples });
    for (const { labels, value } of samples) {
      const { [METRIC_NAME]: name = "", ...rest } = recordOf(labels);
      if (!name.startsWith("ALERTS")) this.set(name, value, rest);
    }
  };
}

function recordOf(labels: Labels): Record<string, string> {
  const record: Record<string, string> = {};
  for (let i = 0; i < labels.length; i += 2) record[labels[i] ?? ""] = labels[i + 1] ?? "";
  return record;
}

function describe(change: AlertChange): string {
  return `${change.status} ${formatLabels(change.labels)}`;
}

function annotationsText({ status, labels, annotations }: AlertChange): string {
  return `${status} ${labelValue(labels, "instance")} ${formatLabels(annotations)}`;
}
