import type { Alert, RuleEvaluation } from "../../../aggregator/model/alert.ts";
import type { Notification, PostedAlert } from "../../../aggregator/model/notification.ts";
import { type AlertTable, openAlerts } from "../../../aggregator/notify/alerts.ts";
import { OUTBOX_RANGE } from "../../../aggregator/notify/outbox-entry.ts";
import type { NotifyConfig } from "../../../aggregator/notify/routing.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { labelsKey, labelsOf, labelValue } from "../../../shared/model/labels.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { MemoryDisk, MemoryStore } from "../../support/memory-store.ts";
import { metricTotal } from "../../support/metric-total.ts";
import { hook, route, routing } from "../../support/notify-routing.ts";
import { SeededRandom } from "../../support/random.ts";

type Request = { readonly url: string; readonly body: unknown };

export type Answer = number | "no answer" | "silence";

/** Receivers whose answers the test decides, and a table that may die and come back. */
export class NotifyScene {
  readonly clock = new FakeClock();
  readonly disk = new MemoryDisk();
  readonly logger = new MemoryLogger();
  readonly metrics = new Metrics();
  readonly random = new SeededRandom(7);
  /** `host: firing A,B resolved C` of every request. */
  readonly requests: string[] = [];
  readonly requestsMs: number[] = [];
  readonly notifications: Notification[] = [];
  answer: (url: string) => Answer = () => 200;
  /** Until the receiver answers. */
  delay: () => Promise<void> = async () => {};
  retryAfterMs: number | null = null;
  config: NotifyConfig | null = routing(route(), [hook("ops")]);
  entriesMax = 100;
  expiryMs = 24 * 3_600_000;
  startDelayMs = 0;
  silenced: ReadonlySet<string> = new Set();
  store = new MemoryStore(this.disk);
  table = undefined as unknown as AlertTable; // `start` sets it
  #stop = new AbortController();
  #run = Promise.resolve();

  static async open(fields: Partial<NotifyScene> = {}): Promise<NotifyScene> {
    const scene = Object.assign(new NotifyScene(), fields);
    await scene.start();
    return scene;
  }

  async start(): Promise<void> {
    const { store, clock, logger, metrics } = this;
    const external = { labels: [], url: "http://telltale:7071" };
    const ports = {
      // What a crash has ended sends nothing more.
      request: (request: Request, signal: AbortSignal) =>
        store === this.store ? this.#request(request, signal) : new Promise<never>(() => {}),
      mail: async () => "",
      clock,
      externalUrl: external.url,
    };
    const silences = {
      activeFor: (labels: readonly string[]) => {
        return this.silenced.has(labelValue(labels, "alertname")) ? ["s1"] : [];
      },
    };
    this.table = await openAlerts(
      {
        store,
        clock,
        random: this.random.next,
        logger,
        metrics,
        ports,
        context: async (notification) => notification,
        silences,
        latenessMs: () => 0,
      },
      {
        external,
        expiryMs: this.expiryMs,
        entriesMax: this.entriesMax,
        startDelayMs: this.startDelayMs,
      },
    );
    this.#stop = new AbortController();
    this.#run = this.table.run(this.#stop.signal);
    await this.configure();
  }

  /** Takes the routing as it is now into force, and the rules that stand. */
  async configure(ruleIds = RULE_IDS): Promise<void> {
    await this.table.configure(this.config, ruleIds);
    await this.clock.advance(0);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#run;
    await this.table.close();
  }

  readonly #request = async ({ url, body }: Request, signal: AbortSignal) => {
    const notification = JSON.parse(String(body)) as Notification;
    this.notifications.push(notification);
    const named = (status: string) => {
      const alerts = notification.alerts.filter((alert) => alert.status === status);
      const names = alerts.map(({ labels }) => labelValue(labels, "alertname"));
      return names.length === 0 ? "" : ` ${status} ${names.join(",")}`;
    };
    this.requests.push(`${new URL(url).host}:${named("firing")}${named("resolved")}`);
    this.requestsMs.push(this.clock.nowMs());
    await this.delay();
    const answer = this.answer(url);
    if (answer === "silence") {
      await new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    }
    if (typeof answer !== "number") {
      const cause = { code: "ECONNREFUSED" };
      throw new OperationalError("UNAVAILABLE", "Connection refused", { cause });
    }
    return { status: answer, text: "the answer", retryAfterMs: this.retryAfterMs };
  };

  /** What an evaluation of each alert's own rule gives. */
  async write(alerts: Record<string, State>): Promise<void> {
    const evaluations = Object.entries(alerts).map(([name, state]) =>
      evaluation(name, state, this.clock.nowMs()),
    );
    await this.table.write(evaluations, this.clock.nowMs());
    await this.clock.advance(0);
  }

  async post(...alerts: readonly Partial<PostedAlert>[]): Promise<void> {
    const nothing = { labels: [], annotations: [], generatorUrl: "" };
    const none = { startsAtMs: null, endsAtMs: null };
    await this.table.post(alerts.map((alert) => ({ ...nothing, ...none, ...alert })));
    await this.clock.advance(0);
  }

  crash(): void {
    this.#stop.abort();
    this.disk.crash(() => 0.5, "kill");
    this.store = new MemoryStore(this.disk);
  }

  /** Of the notifications that wait, as hex. */
  async keys(): Promise<string[]> {
    const keys: string[] = [];
    for await (const [key] of this.store.entries(OUTBOX_RANGE)) {
      keys.push(Buffer.from(key).toString("hex"));
    }
    return keys;
  }

  total(outcome: string): number {
    return metricTotal(this.metrics, outcome);
  }
}

export type State = "firing" | "pending" | "resolved";

/** The rules of the alerts A, B, C and D. */
const RULE_IDS: ReadonlySet<string> = new Set(["rA", "rB", "rC", "rD"]);

function evaluation(name: string, kind: State, nowMs: number): RuleEvaluation {
  const common = { activeAtMs: 1000, isNoData: false };
  const state = kind === "pending" ? { kind, ...common } : FIRING;
  const labels = labelsOf({ alertname: name });
  const alert: Alert = {
    ...{ source: [], labels, annotations: [], value: Number.NaN, query: "up == 0" },
    ...{ state, firedAtMs: kind === "pending" ? null : nowMs },
  };
  const alerts = new Map(kind === "resolved" ? [] : [[labelsKey(labels), alert]]);
  return { ruleId: `r${name}`, alerts };
}

const FIRING = { kind: "firing", activeAtMs: 1000, absentSinceMs: null, isNoData: false } as const;
