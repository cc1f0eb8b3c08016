/**
 * The alert table: one durable record for each alert that is pending or firing, so that a restart
 * neither forgets one nor notifies of it twice. An alert that is no longer active has no record.
 *
 * Key: `r|RULE|ALERT`, the rule's id and a digest of the alert's labels, so a rule may move within its
 * group, and change its expression, without losing its alerts. Value: the record as JSON.
 *
 * A change of the table and what the dispatcher sends because of it are one synced batch; memory
 * changes after that batch, and the next step begins after that. So nothing between an alert that
 * fires and its notification lives in memory alone.
 */

import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { labelsKey, labelValue } from "../../shared/model/labels.ts";
import { jsonRecord } from "../../shared/platform/json-record.ts";
import { type BatchOperation, del, type Entry, put } from "../../shared/platform/ports.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import type { Alert, External, RuleAlerts, RuleEvaluation } from "../model/alert.ts";
import { type DeliveryDeps, type DeliveryOptions, deliveryCounters } from "./delivery.ts";
import { type DispatchedAlert, dispatch } from "./dispatch-state.ts";
import type { NotifyConfig } from "./notify-config.ts";
import { Outbox } from "./outbox.ts";
import { labels } from "./outbox-entry.ts";

type AlertRecord = Alert & {
  /** Queues that were notified that it fires. Empty while it is pending. */
  readonly notified: readonly string[];
};

type RuleRecords = ReadonlyMap<string, AlertRecord>;

export type AlertsDeps = Omit<DeliveryDeps, "counters"> & {
  readonly metrics: Metrics;
  /** How old the newest data of a node is, where it catches up with a backlog; else 0. */
  readonly latenessMs: (node: string) => number;
};

export type AlertsOptions = DeliveryOptions & { readonly external: External };

const NO_RECORDS: RuleRecords = new Map();
const PREFIX = "r|";
const RANGE = { gte: Buffer.from(PREFIX), lt: Buffer.from("r}") };

/**
 * Loads the alerts and the notifications of the last run; nothing is sent before `configure`.
 * @throws OperationalError STORAGE
 */
export async function openAlerts(deps: AlertsDeps, options: AlertsOptions): Promise<AlertTable> {
  const outbox = new Outbox({ ...deps, counters: deliveryCounters(deps.metrics) }, options);
  await outbox.load();
  return new AlertTable(deps, options, { outbox, records: await loadRecords(deps) });
}

/** A damaged record is left where it is, counted and logged; it does not stop the start. */
async function loadRecords(deps: AlertsDeps): Promise<Map<string, RuleRecords>> {
  const { store, logger, metrics } = deps;
  const damaged = metrics.counter(
    "telltale_alert_states_damaged_total",
    "Stored alert states that could not be read.",
  );
  const byRule = new Map<string, Map<string, AlertRecord>>();
  for await (const entry of store.entries(RANGE)) {
    const read = readRecord(entry);
    if (read === null) {
      damaged.add();
      logger.error({ key: Buffer.from(entry[0]).toString() }, "stored alert state is damaged");
      continue;
    }
    const records = getOrInsert(byRule, read.ruleId, () => new Map());
    records.set(labelsKey(read.record.labels), read.record);
  }
  return byRule;
}

/** A row that a step looks at: an alert that is active, or was until now. */
type Row = DispatchedAlert & { readonly ruleId: string; readonly isChanged: boolean };

/** `operations` belong into the same batch. */
type Step = {
  readonly config: NotifyConfig | null;
  readonly timeMs: number;
  readonly operations: readonly BatchOperation[];
};

export class AlertTable {
  readonly #deps: AlertsDeps;
  readonly #options: AlertsOptions;
  readonly #outbox: Outbox;
  /** By the rule's id. A rule without alerts may be missing. */
  readonly #records: Map<string, RuleRecords>;
  /** Null: alerts are evaluated and shown, nothing is sent. */
  #config: NotifyConfig | null = null;
  /** One step after the other, in the order of the calls. */
  readonly #turns = new SerialQueue();

  constructor(
    deps: AlertsDeps,
    options: AlertsOptions,
    stored: { readonly outbox: Outbox; readonly records: Map<string, RuleRecords> },
  ) {
    this.#deps = deps;
    this.#options = options;
    this.#outbox = stored.outbox;
    this.#records = stored.records;
  }

  alertsOf(ruleId: string): RuleAlerts {
    return this.#records.get(ruleId) ?? NO_RECORDS;
  }

  /**
   * Takes the alerts of these rules in place of those before, with their notifications.
   * @throws OperationalError STORAGE; everything is as before then
   */
  async write(evaluations: readonly RuleEvaluation[], timeMs: number): Promise<void> {
    await this.#turns.run(async () => {
      await this.#step(evaluations, { config: this.#config, timeMs, operations: [] });
    });
  }

  /**
   * Takes this routing in place of the one before, and ends the alerts of all other rules than these.
   * What waits for a receiver that is still there goes to its new address; the rest expires visibly.
   * @throws OperationalError STORAGE; everything is as before then
   */
  async configure(config: NotifyConfig | null, ruleIds: ReadonlySet<string>): Promise<void> {
    await this.#turns.run(async () => {
      const webhooks = config?.receiver.webhooks ?? [];
      await this.#outbox.stopOthers(webhooks);
      try {
        const orphans = await this.#outbox.orphans(webhooks);
        const evaluations = [...this.#records].map(([ruleId, alerts]) => {
          return { ruleId, alerts: ruleIds.has(ruleId) ? alerts : NO_RECORDS };
        });
        const operations = orphans.flatMap(({ deletions }) => deletions);
        const timeMs = this.#deps.clock.nowMs();
        await this.#step(evaluations, { config, timeMs, operations });
        for (const { ruleId } of evaluations) {
          if (!ruleIds.has(ruleId)) this.#records.delete(ruleId);
        }
        this.#config = config;
        this.#outbox.expired(orphans);
      } finally {
        this.#outbox.start(this.#config?.receiver.webhooks ?? []);
      }
    });
  }

  /** Ends after the steps that were asked for and the requests that are under way. */
  async close(): Promise<void> {
    await this.#turns.run(() => this.#outbox.stopOthers([]));
  }

  async #step(
    evaluations: readonly RuleEvaluation[],
    { config, timeMs, operations: others }: Step,
  ): Promise<void> {
    const rows = evaluations.flatMap((evaluation) => this.#rowsOf(evaluation, timeMs));
    const to = { routing: config, external: this.#options.external };
    const { sends, notified } = dispatch(rows, to, timeMs);
    const operations = [...others];
    const after = new Map(
      evaluations.map(({ ruleId }) => [ruleId, new Map<string, AlertRecord>()]),
    );
    for (const [i, { ruleId, alert, endsAtMs, isChanged, notified: before }] of rows.entries()) {
      if (endsAtMs !== null) {
        operations.push(del(recordKey(ruleId, alert)));
        continue;
      }
      const record = { ...alert, notified: notified[i] ?? [] };
      after.get(ruleId)?.set(labelsKey(alert.labels), record);
      if (isChanged || record.notified !== before) operations.push(putRecord(ruleId, record));
    }
    for (const send of sends) operations.push(this.#outbox.put(send));
    if (operations.length > 0) await this.#deps.store.batch(operations, { sync: true });
    for (const [ruleId, records] of after) this.#records.set(ruleId, records);
    this.#outbox.added(sends);
  }

  #rowsOf({ ruleId, alerts }: RuleEvaluation, timeMs: number): Row[] {
    const before = this.#records.get(ruleId) ?? NO_RECORDS;
    const rowOf = (alert: Alert, known: AlertRecord | undefined, endsAtMs: number | null): Row => {
      const isChanged = endsAtMs !== null || !isDeepStrictEqual(known?.state, alert.state);
      const instance = labelValue(alert.labels, "instance");
      const latenessMs = isChanged ? this.#deps.latenessMs(instance) : 0;
      return { ruleId, alert, endsAtMs, latenessMs, notified: known?.notified ?? [], isChanged };
    };
    const ended = [...before].filter(([key]) => !alerts.has(key));
    return [
      ...[...alerts].map(([key, alert]) => rowOf(alert, before.get(key), null)),
      ...ended.map(([, record]) => rowOf(record, record, timeMs)),
    ];
  }
}

function putRecord(ruleId: string, record: AlertRecord): BatchOperation {
  // JSON has no NaN and no infinity; a text has.
  const text = JSON.stringify({ ...record, value: String(record.value) });
  return put(recordKey(ruleId, record), Buffer.from(text));
}

function recordKey(ruleId: string, { labels }: Alert): Uint8Array {
  const digest = createHash("sha256").update(labelsKey(labels)).digest("hex").slice(0, 32);
  return Buffer.from(`${PREFIX}${ruleId}|${digest}`);
}

const state = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("pending"), activeAtMs: z.number(), isNoData: z.boolean() }),
  z.object({
    kind: z.literal("firing"),
    activeAtMs: z.number(),
    absentSinceMs: z.number().nullable(),
    isNoData: z.boolean(),
  }),
]);
const storedRecord = z
  .object({
    source: labels,
    labels,
    annotations: labels,
    value: z.string().transform(Number),
    state,
    firedAtMs: z.number().nullable(),
    query: z.string(),
    notified: z.array(z.string()),
  })
  .refine(({ state, notified }) => state.kind === "firing" || notified.length === 0);

/** Null for an entry that is damaged. */
function readRecord([key, value]: Entry): { ruleId: string; record: AlertRecord } | null {
  const [, ruleId = ""] = Buffer.from(key).toString().split("|");
  const record = jsonRecord(storedRecord, value);
  return record === null ? null : { ruleId, record };
}
