import { brotliCompressSync } from "node:zlib";
import { type AggregatorPlatform, type Services, startAggregator } from "../../aggregator/app.ts";
import { aggregatorConfigSchema } from "../../aggregator/config.ts";
import { decodeNotification } from "../../aggregator/notify/outbox-entry.ts";
import { OperationalError } from "../../shared/errors.ts";
import type { BatchOperation, Entry, KeyValueStore } from "../../shared/platform/ports.ts";
import { TableWatch, type Transition, WRONG_ALERT } from "./check-alerts.ts";
import { FrameSet } from "./frame-set.ts";
import type { Host, Process } from "./host.ts";
import type { Network } from "./network.ts";
import type { Plan } from "./plan.ts";
import { changedStore, type Plant } from "./plant.ts";
import type { Receiver } from "./receiver.ts";
import { Service } from "./service.ts";
import { HOT_ABOVE, HOT_METRIC, type Span } from "./source.ts";

/** The receiver moves with each change of the files. */
const hookUrl = (changes: number) => `http://receiver-${changes}.invalid/`;

const routing = (changes: number) => `
route: { receiver: hook, group_by: [alertname] }
receivers:
  - name: hook
    webhook_configs: [{ url: "${hookUrl(changes)}", timeout: 5s }]
`;

/** With every other change of the files the group has one more rule. */
const rules = (plan: Plan, noData: string, changes: number, isWrong: boolean) => `
groups:
  - name: simulation
    interval: ${plan.evaluationMs}ms
    rules:
      - record: sim:ops:rate
        expr: sum by (instance) (rate(sim_ops_total[5s]))
      - alert: Hot
        expr: ${HOT_METRIC} > ${HOT_ABOVE}
        for: 2s
        no_data: ${noData}
      - alert: HotNow
        expr: last_over_time(${HOT_METRIC}[4s]) > ${HOT_ABOVE}
        no_data: ${noData}
      - alert: Gone
        expr: up == 0
${changes % 2 === 0 ? "" : "      - { record: sim:hot:max, expr: max(sim_ops_total) }"}
${isWrong ? `      - { alert: ${WRONG_ALERT}, expr: vector(1) }` : ""}
`;

/** So long do wrong files lie there; an aggregator that starts meanwhile fails. */
const WRONG_MS = 2500;

/** Keys of the outbox in the store that it shares with the rules. */
const OUTBOX_PREFIX = "n".charCodeAt(0);

type AggregatorParts = {
  readonly plan: Plan;
  readonly plant: Plant;
  readonly network: Network;
  readonly receiver: Receiver;
  readonly safeFrames: FrameSet;
  readonly onBug: (what: string) => void;
};

/** The aggregator's host: the program as it is, over simulated network, disks and receiver. */
export class AggregatorNode {
  readonly host: Host;
  readonly service: Service;
  /** Frames that no crash can take away any more, of all aggregators. */
  readonly safeFrames: FrameSet;
  /** Of these, its own. */
  readonly ownFrames = new FrameSet();
  readonly transitions: Transition[] = [];
  /** When it had trouble that excuses a repeated notification, monotonic. */
  readonly troubles: Span[] = [];
  services: Services | null = null;
  readonly #parts: AggregatorParts;
  readonly #outboxKeys = new Set<string>();
  readonly #table = new TableWatch();
  #changes = 0;
  #isWrong = false;
  #reload = async () => {};

  constructor(host: Host, parts: AggregatorParts) {
    this.host = host;
    this.safeFrames = parts.safeFrames;
    this.#parts = parts;
    const { network, onBug } = parts;
    this.service = new Service({ host, network, boot: (process) => this.#boot(process), onBug });
  }

  /** Rules and routing change, and a reload reads them; of wrong ones it must take neither. */
  changeFiles(isWrong: boolean): void {
    if (!isWrong) this.#changes += 1;
    this.#isWrong = isWrong;
    void this.#reload();
    if (isWrong) void this.host.world.clock.sleep(WRONG_MS).then(() => this.changeFiles(false));
  }

  #boot(process: Process): Promise<AsyncDisposable> {
    this.services = null;
    this.#reload = async () => {};
    const { random } = this.host.world;
    const { plan, plant, receiver } = this.#parts;
    const platform: AggregatorPlatform = {
      clock: process.clock,
      random: random.fork(`${this.host.name} ${this.service.lives}`).next,
      logger: process.logger,
      post: async (url, body, signal) => {
        if (url === hookUrl(this.#changes)) return receiver.post(process, body, signal);
        throw new OperationalError("UNAVAILABLE", `${url}: no such host`);
      },
      pause: async () => {},
      compress: async (bytes, options) => brotliCompressSync(bytes, options),
      openStore: (directory, _metrics, load) => {
        const name = directory.slice(directory.lastIndexOf("/") + 1);
        return this.host.loadStore(process, name, (store) => load(this.#watched(name, store)));
      },
      readFiles: () => {
        const noData = plant.noData(this.host.name);
        const text = rules(plan, noData, this.#changes, this.#isWrong);
        return [{ path: "rules.yaml", text }];
      },
      readFile: () => {
        return this.#isWrong && plant.isRoutingChecked ? "route: {" : routing(this.#changes);
      },
      chunkMs: plan.chunkMs,
      serve: async (services) => this.#serve(process, services),
      onReload: (reload) => {
        this.#reload = reload;
        return {
          [Symbol.dispose]: () => {
            this.#reload = async () => {};
          },
        };
      },
    };
    return startAggregator(aggregatorConfigSchema.parse({ future_max: "10m" }), platform);
  }

  #serve(process: Process, services: Services): AsyncDisposable {
    this.services = services;
    this.#parts.network.listen(process, (connection) => void services.ingest.serve(connection));
    return {
      [Symbol.asyncDispose]: async () => {
        this.services = null;
        this.#parts.network.unlisten(process);
      },
    };
  }

  /** The store, with an eye on what becomes safe in it; a planted bug sits above the eye. */
  #watched(name: string, store: KeyValueStore): KeyValueStore {
    // What a crash left, acknowledged or not.
    const found = this.host.disk(name).durableEntries();
    if (name === "alerts") this.#keepOutboxKeys(found);
    const gone = name === "alerts" ? this.#table.missing(found) : [];
    this.#noteSafe(name, [...gone, ...found.map(([key, value]) => put(key, value))]);
    let unsynced: BatchOperation[] = [];
    const watched = changedStore(store, {
      batch: async (batch, options) => {
        await store.batch(batch, options);
        unsynced.push(...batch);
        if (!options.sync) return;
        this.#noteSafe(name, unsynced);
        unsynced = [];
      },
    });
    return this.#parts.plant.store(name, watched);
  }

  #noteSafe(name: string, operations: readonly BatchOperation[]): void {
    const nowMs = this.host.world.clock.monotonicMs();
    const known = this.transitions.length;
    for (const operation of operations) {
      const isPut = operation.type === "put";
      if (name === "series" && isPut) {
        for (const frames of [this.safeFrames, this.ownFrames]) {
          frames.addStored(operation.value, nowMs);
        }
      }
      if (name !== "alerts" || operation.key[0] !== OUTBOX_PREFIX) continue;
      if (isPut) this.#noteChange(operation);
      else this.#outboxKeys.delete(keyText(operation.key));
    }
    if (name !== "alerts") return;
    const violation = this.#table.apply(operations, this.transitions.slice(known));
    if (violation !== null) this.#parts.onBug(`${this.host.name}: ${violation}`);
  }

  /** A key may come again once its entry is gone. */
  #keepOutboxKeys(entries: readonly Entry[]): void {
    const found = new Set(entries.map(([key]) => keyText(key)));
    for (const key of [...this.#outboxKeys]) if (!found.has(key)) this.#outboxKeys.delete(key);
  }

  #noteChange({ key, value }: { readonly key: Uint8Array; readonly value: Uint8Array }): void {
    const id = keyText(key);
    if (this.#outboxKeys.has(id)) return;
    this.#outboxKeys.add(id);
    const { clock, trace } = this.host.world;
    for (const change of decodeNotification(value)?.alerts ?? []) {
      const { labels, status, startsAtMs, endsAtMs } = change;
      this.transitions.push({ atMs: clock.monotonicMs(), labels, status, startsAtMs, endsAtMs });
      trace.add("alert", this.host.name, `${status} ${labels.join(" ")} ${startsAtMs} ${endsAtMs}`);
    }
  }
}

function put(key: Uint8Array, value: Uint8Array): BatchOperation {
  return { type: "put", key, value };
}

function keyText(key: Uint8Array): string {
  return Buffer.from(key).toString("latin1");
}
