import { expect, test } from "vitest";
import type { Notification } from "../../../aggregator/model/notification.ts";
import { openAlerts } from "../../../aggregator/notify/alerts.ts";
import { decodeEntry } from "../../../aggregator/notify/outbox-entry.ts";
import type { CompiledExpr } from "../../../aggregator/rules/ports.ts";
import { parseRuleFiles } from "../../../aggregator/rules/rule-files.ts";
import { RuleRunner } from "../../../aggregator/rules/run-rules.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { labelsOf, labelValue } from "../../../shared/model/labels.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { MemoryDisk, MemoryStore } from "../../support/memory-store.ts";
import { hook, route, routing } from "../../support/notify-routing.ts";
import { SeededRandom } from "../../support/random.ts";

const TEXT = `
groups:
  - { name: g, rules: [{ alert: A, expr: a }, { alert: B, expr: b }] }
`;
const ROUTING = routing(route({ groupBy: ["alertname"] }), [hook("ops", { timeoutMs: 500 })]);
const NO_SILENCES = { activeFor: () => [] };
const COMPLETE = { isComplete: () => true, changed: () => new Promise<void>(() => {}) };

/** One aggregator's rules and outbox, killed at any step of any write, before a moody receiver. */
class Run {
  readonly clock = new FakeClock();
  readonly disk = new MemoryDisk();
  readonly random: SeededRandom;
  /** What holds: the alert fires, it does not, or its data is missing. */
  readonly conditions = new Map<string, boolean | null>();
  readonly taken: string[] = [];
  kills = 0;
  /** Kills between a receiver's answer and the delete of what it took. */
  inDoubt = 0;
  killChance = 0.15;
  isReceiverWell = false;
  isAlive = false;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  async start(): Promise<void> {
    this.isAlive = true;
    let isThisAlive = true;
    const store = new MemoryStore(this.disk, {
      onWriteStep: () => {
        if (!isThisAlive || !this.random.chance(this.killChance)) return;
        isThisAlive = false;
        this.isAlive = false;
        this.kills += 1;
        this.disk.crash(this.random.next);
        if (this.taken.length > 0 && this.waiting() === this.taken.at(-1)) this.inDoubt += 1;
      },
    });
    const { clock } = this;
    const deps = { store, clock, logger: new MemoryLogger(), metrics: new Metrics() };
    const external = { labels: [], url: "" };
    const ports = { request: this.request, mail: async () => "", clock, externalUrl: "" };
    const context = async (one: Notification) => one;
    const alerts = await openAlerts(
      {
        ...deps,
        random: this.random.next,
        ports,
        context,
        silences: NO_SILENCES,
        latenessMs: () => 0,
      },
      { external, expiryMs: 3_600_000, entriesMax: 1000, startDelayMs: 0 },
    );
    void alerts.run(new AbortController().signal);
    const rules = new RuleRunner(
      { ...deps, write: async () => {}, alerts, dataClock: COMPLETE },
      { defaultIntervalMs: 1000, dataWaitMaxMs: 0, external },
    );
    const { groups } = parseRuleFiles([{ path: "r", text: TEXT }], this.compile);
    await rules.apply(groups, (ruleIds) => alerts.configure(ROUTING, ruleIds));
  }

  /** What the outbox on the disk would send first. */
  waiting(): string | null {
    const entries = this.disk.durableEntries();
    const first = entries.find(([key]) => Buffer.from(key).toString().startsWith("n|"));
    const [alert] = first === undefined ? [] : (decodeEntry(first[1])?.notification.alerts ?? []);
    return alert === undefined ? null : `${labelValue(alert.labels, "alertname")} ${alert.status}`;
  }

  readonly compile = (query: string): CompiledExpr => ({
    query,
    isOfLines: false,
    instant: async () => (this.conditions.get(query) ? [SAMPLE] : []),
    presence: async () => (this.conditions.get(query) === null ? [] : [SAMPLE]),
  });

  readonly request = async ({ body }: { body: unknown }, signal: AbortSignal) => {
    const { alerts } = JSON.parse(String(body)) as Notification;
    const [{ labels, status } = { labels: [], status: "" }] = alerts;
    const isLost = !this.isReceiverWell && this.random.chance(0.3);
    if (isLost && this.random.chance(0.5)) await this.clock.sleep(10_000, signal);
    if (isLost) throw new OperationalError("UNAVAILABLE", "Connection refused");
    this.taken.push(`${labelValue(labels, "alertname")} ${status}`);
    return { status: 200, text: "", retryAfterMs: null };
  };
}

const SAMPLE = { labels: labelsOf({ instance: "x" }), value: 1 };

test.each(Array.from({ length: 6 }, (_, seed) => seed))(
  "killed at any moment, each firing is followed by its end, once a delivery (seed %d)",
  async (seed) => {
    const run = new Run(seed);
    for (let second = 0; second < 40; second += 1) {
      for (const name of ["a", "b"]) {
        if (run.random.chance(0.2)) run.conditions.set(name, run.random.pick([true, false, null]));
      }
      if (!run.isAlive && run.random.chance(0.5)) void run.start();
      await run.clock.advance(1000);
    }
    run.killChance = 0;
    run.isReceiverWell = true;
    run.conditions.set("a", true).set("b", false);
    if (!run.isAlive) void run.start();
    await run.clock.advance(35_000);

    const alternating = (name: string) => {
      const told = run.taken.filter((one) => one.startsWith(name));
      return told.filter((one, i) => one !== told[i - 1]);
    };
    for (const name of ["A", "B"]) {
      const told = alternating(name);
      for (const [i, one] of told.entries()) {
        expect(one).toBe(`${name} ${i % 2 === 0 ? "firing" : "resolved"}`);
      }
    }
    expect(alternating("A").at(-1)).toBe("A firing");
    expect(alternating("B").at(-1) ?? "B resolved").toBe("B resolved");
    const twice = run.taken.length - alternating("A").length - alternating("B").length;
    expect(twice).toBeLessThanOrEqual(run.inDoubt);
    expect(run.kills).toBeGreaterThan(0);
  },
);
