import { brotliCompressSync } from "node:zlib";
import { startAggregator } from "../../aggregator/app.ts";
import { aggregatorConfigSchema } from "../../aggregator/config.ts";
import type { ShownAlert } from "../../aggregator/model/notification.ts";
import type { AggregatorPlatform, Services } from "../../aggregator/platform.ts";
import { OperationalError } from "../../shared/errors.ts";
import type { BatchOperation, KeyValueStore } from "../../shared/platform/ports.ts";
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
route: { receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 1s }
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

const SILENCE_MS = 86_400_000;
/** So long do wrong files lie there; an aggregator that starts meanwhile fails. */
const WRONG_MS = 2500;

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
  /** When its files changed or its clock was set, monotonic. */
  readonly changesMs: number[] = [];
  /** Ids of silences that it said are made. */
  readonly silences: string[] = [];
  /** Alerts that it said are acknowledged, by labels and beginning. */
  readonly acknowledged = new Set<string>();
  services: Services | null = null;
  readonly #parts: AggregatorParts;
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
    this.changesMs.push(this.host.world.clock.monotonicMs());
    this.#isWrong = isWrong;
    void this.#reload();
    void this.#silence();
    if (isWrong) void this.host.world.clock.sleep(WRONG_MS).then(() => this.changeFiles(false));
  }

  /** Of an alert that there is none of. */
  async #silence(): Promise<void> {
    const nowMs = this.host.wallMs();
    const matchers = [{ name: "alertname", type: "=", value: "Nobody" } as const];
    const times = { startsAtMs: nowMs, endsAtMs: nowMs + SILENCE_MS };
    const by = { createdBy: "simulation", comment: "a change of files" };
    try {
      const id = await this.services?.alerts.setSilence({ id: null, matchers, ...times, ...by });
      if (id !== undefined) this.silences.push(id);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error; // its disk is full, or fails
    }
  }

  /** Of these silences those that it does not know. */
  lostSilences(): string[] {
    const known = new Set(this.services?.alerts.silences().map(({ id }) => id));
    return this.silences.filter((id) => !known.has(id));
  }

  /** Whatever fires. */
  async #acknowledge(): Promise<void> {
    const port = this.services?.alerts;
    if (port === undefined) return;
    const matchers = [{ name: "alertname", type: "=~", value: ".+" } as const];
    const by = { createdBy: "simulation", comment: "it fires" };
    try {
      if ((await port.acknowledge(matchers, by)) === 0) return;
      for (const alert of port.alerts()) {
        if (alert.acknowledgedBy !== "") this.acknowledged.add(alertKey(alert));
      }
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error; // its disk is full, or fails
    }
  }

  /** Of these alerts those that still fire and that nobody has acknowledged as far as it knows. */
  lostAcknowledgements(): string[] {
    const unacknowledged = (this.services?.alerts.alerts() ?? []).filter((alert) => {
      return alert.acknowledgedBy === "" && this.acknowledged.has(alertKey(alert));
    });
    return unacknowledged.map(alertKey);
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
      request: async ({ url, body }, signal) => {
        if (url === hookUrl(this.#changes)) return receiver.request(process, String(body), signal);
        throw new OperationalError("UNAVAILABLE", `${url}: no such host`);
      },
      mail: async () => {
        throw new OperationalError("UNAVAILABLE", "no mail here");
      },
      pause: async () => {},
      compress: async (bytes, options) => brotliCompressSync(bytes, options),
      openStore: (directory, _metrics, load) => {
        const name = directory.slice(directory.lastIndexOf("/") + 1);
        return this.host.loadStore(process, name, (store) => load(this.#watched(name, store)));
      },
      spaceOf: async () => ({ bytes: 0, freeBytes: 0, diskBytes: 0 }),
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
    const config = aggregatorConfigSchema.parse({ future_max: "10m", alert_context: false });
    return startAggregator(config, platform);
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
    const { clock, trace } = this.host.world;
    const nowMs = clock.monotonicMs();
    if (name === "series") {
      for (const operation of operations) {
        if (operation.type !== "put") continue;
        for (const frames of [this.safeFrames, this.ownFrames]) {
          frames.addStored(operation.value, nowMs);
        }
      }
    }
    if (name !== "alerts") return;
    const { transitions, violation } = this.#table.apply(operations, nowMs);
    for (const { status, labels, startsAtMs } of transitions) {
      trace.add("alert", this.host.name, `${status} ${labels.join(" ")} ${startsAtMs}`);
    }
    this.transitions.push(...transitions);
    if (transitions.some(({ status }) => status === "firing")) void this.#acknowledge();
    if (violation !== null) this.#parts.onBug(`${this.host.name}: ${violation}`);
  }
}

function alertKey({ labels, startsAtMs }: ShownAlert): string {
  return `${labels.join(" ")} ${startsAtMs}`;
}

function put(key: Uint8Array, value: Uint8Array): BatchOperation {
  return { type: "put", key, value };
}
