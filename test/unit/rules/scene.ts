import type { Notification } from "../../../aggregator/model/notification.ts";
import type { AlertSnapshot } from "../../../aggregator/model/rule-snapshot.ts";
import { type AlertTable, openAlerts } from "../../../aggregator/notify/alerts.ts";
import type { CompiledExpr, WriteFn } from "../../../aggregator/rules/ports.ts";
import { parseRuleFiles } from "../../../aggregator/rules/rule-files.ts";
import { RuleRunner } from "../../../aggregator/rules/run-rules.ts";
import { formatFault } from "../../../shared/config/decode-yaml.ts";
import { OperationalError } from "../../../shared/errors.ts";
import type { VectorSample } from "../../../shared/model/columns.ts";
import {
  formatLabels,
  labelsOf,
  labelsRecord,
  labelValue,
  METRIC_NAME,
} from "../../../shared/model/labels.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { MemoryDisk, MemoryStore, type MemoryStoreOptions } from "../../support/memory-store.ts";
import { metricTotal } from "../../support/metric-total.ts";
import { hook, route, routing } from "../../support/notify-routing.ts";

/** Each alert is sent in a request of its own. */
const ROUTING = routing(route({ groupIntervalMs: 100 }), [hook("ops")]);

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
  /** `status {labels}`, as the receiver got it. */
  readonly told: string[] = [];
  /** `status instance {annotations}` of the same. */
  readonly toldAnnotations: string[] = [];
  table: AlertTable | null = null;
  readonly writes: { group: string; timeMs: number; samples: readonly VectorSample[] }[] = [];
  readonly evaluatedMs: number[] = [];
  isComplete = true;
  /** By node. */
  readonly latenessMs = new Map<string, number>();
  queryDelayMs = 0;
  storeOptions: MemoryStoreOptions = {};
  #changed: (() => void)[] = [];
  #stop = new AbortController();
  store = new MemoryStore(this.disk);

  set(name: string, value: number | null, labels: Record<string, string> = {}): void {
    const sample = { labels: labelsOf({ ...labels, [METRIC_NAME]: name }), value: value ?? 0 };
    const key = formatLabels(sample.labels);
    const others = (this.data.get(name) ?? []).filter((one) => formatLabels(one.labels) !== key);
    this.data.set(name, value === null ? others : [...others, sample]);
  }

  /** From now on the series `load` has these values, by instance; null: it is missing. */
  async load(values: Record<string, number | null>, forMs: number): Promise<void> {
    for (const [instance, value] of Object.entries(values)) this.set("load", value, { instance });
    await this.clock.advance(forMs);
  }

  async open(): Promise<RuleRunner> {
    const { store, clock, logger, metrics } = this;
    const external = { labels: labelsOf({ region: "eu" }), url: "http://telltale:7071" };
    const ports = {
      request: async ({ body }: { body: unknown }) => this.#tell(JSON.parse(String(body))),
      mail: async () => "",
      clock,
      externalUrl: external.url,
    };
    const latenessMs = (node: string) => this.latenessMs.get(node) ?? 0;
    const silences = { activeFor: () => [] };
    const context = async (one: Notification) => one;
    this.table = await openAlerts(
      { store, clock, logger, metrics, random: () => 0.5, ports, context, silences, latenessMs },
      { external, expiryMs: 3_600_000, entriesMax: 1000, startDelayMs: 0 },
    );
    void this.table.run(this.#stop.signal);
    const dataClock = {
      isComplete: () => this.isComplete,
      changed: (signal: AbortSignal) =>
        new Promise<void>((resolve, reject) => {
          this.#changed.push(resolve);
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    };
    return new RuleRunner(
      { write: this.#write, alerts: this.table, dataClock, clock, logger, metrics },
      { defaultIntervalMs: 1000, dataWaitMaxMs: 1000, external },
    );
  }

  async apply(runner: RuleRunner, text: string): Promise<void> {
    await runner.apply(this.groups(text), async (ruleIds) => {
      await this.table?.configure(ROUTING, ruleIds);
    });
    await this.clock.advance(0);
  }

  #tell({ alerts }: Notification) {
    for (const { status, labels, annotations } of alerts) {
      this.told.push(`${status} ${formatLabels(labels)}`);
      const text = formatLabels(annotations);
      this.toldAnnotations.push(`${status} ${labelValue(labels, "instance")} ${text}`);
    }
    return { status: 200, text: "", retryAfterMs: null };
  }

  /** What a process leaves behind that was killed; the next `open` starts from it. */
  crash(): this {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.disk.crash(() => 0.5, "kill");
    this.store = new MemoryStore(this.disk, this.storeOptions);
    return this;
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
    return metricTotal(this.metrics, name);
  }

  readonly compile = (query: string): CompiledExpr => {
    const [name = "", operator, threshold] = query.split(" ");
    const select = () => {
      if (name === "broken") throw new OperationalError("QUERY", "Broken on purpose");
      return this.data.get(name) ?? [];
    };
    return {
      query,
      isOfLines: false,
      instant: async (timeMs) => {
        this.evaluatedMs.push(timeMs);
        if (this.queryDelayMs > 0) await this.clock.sleep(this.queryDelayMs);
        return select().filter(({ value }) => operator !== ">" || value > Number(threshold));
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
      const { [METRIC_NAME]: name = "", ...rest } = labelsRecord(labels);
      if (!name.startsWith("ALERTS")) this.set(name, value, rest);
    }
  };
}

/** All alerts of all rules. */
export function alertsOf(runner: RuleRunner): AlertSnapshot[] {
  const rules = runner.rules().flatMap((group) => group.rules);
  return rules.flatMap((rule) => (rule.type === "alerting" ? rule.alerts : []));
}
