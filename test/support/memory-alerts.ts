import type { AlertsPort } from "../../aggregator/api/alerts-port.ts";
import type {
  Delivery,
  PostedAlert,
  Preview,
  ShownAlert,
  ShownGroup,
  TestAnswer,
} from "../../aggregator/model/notification.ts";
import type { PostedSilence } from "../../aggregator/model/silence.ts";
import { readAcknowledging } from "../../aggregator/notify/acknowledging-state.ts";
import { openSilences, type Silences } from "../../aggregator/notify/silences.ts";
import { OperationalError } from "../../shared/errors.ts";
import { compareLabels, type Labels, labelPairs, labelValue } from "../../shared/model/labels.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { MemoryLogger } from "./memory-logger.ts";
import { MemoryStore } from "./memory-store.ts";
import { SeededRandom } from "./random.ts";

/** What routes.yaml of an Alertmanager would say of the routing below. */
const CONFIG = `route:
  receiver: default
  group_by: [alertname]
  routes:
    - matchers: [team="db"]
      receiver: dba
      continue: true
    - matchers: [severity="page"]
      receiver: pager
receivers:
  - name: default
  - name: dba
  - name: pager
`;
const RESOLVE_TIMEOUT_MS = 300_000;

/**
 * Alerts in memory behind real silences: team="db" goes to dba, severity="page" to pager, the rest to
 * default; groups are by alertname; `Source` inhibits `Target`; the group `Night` is muted.
 */
export class MemoryAlerts implements AlertsPort {
  deliveryList: readonly Delivery[] = [];
  answers: readonly TestAnswer[] = [];
  previewed: Omit<Preview, "labels"> = { routes: [], messages: [] };
  external: Labels = [];
  /** What the next call fails with. */
  failure: Error | null = null;
  readonly #clock: Clock;
  readonly #alerts = new Map<string, ShownAlert>();
  #silences: Promise<Silences> | null = null;
  #opened: Silences | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  alerts(): readonly ShownAlert[] {
    this.#fail();
    const nowMs = this.#clock.nowMs();
    const live = [...this.#alerts.values()].filter(({ endsAtMs }) => endsAtMs > nowMs);
    const source = live.find(({ labels }) => labelValue(labels, "alertname") === "Source");
    const shown = live.map((alert): ShownAlert => {
      const name = labelValue(alert.labels, "alertname");
      const silencedBy = this.#opened?.activeFor(alert.labels, nowMs) ?? [];
      const inhibitedBy = name === "Target" && source !== undefined ? [source.fingerprint] : [];
      const isSuppressed = silencedBy.length + inhibitedBy.length > 0;
      const unsuppressed = name === "New" ? "unprocessed" : "active";
      const mutedBy = name === "Night" ? ["nights"] : [];
      const state = isSuppressed ? "suppressed" : unsuppressed;
      return { ...alert, state, silencedBy, inhibitedBy, mutedBy };
    });
    return shown.sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1));
  }

  groups(): readonly ShownGroup[] {
    const groups: { labels: Labels; receiver: string; alerts: ShownAlert[] }[] = [];
    for (const alert of this.alerts()) {
      for (const receiver of alert.receivers) {
        const labels = ["alertname", labelValue(alert.labels, "alertname")];
        const known = groups.find(
          (group) => group.receiver === receiver && group.labels[1] === labels[1],
        );
        if (known === undefined) groups.push({ labels, receiver, alerts: [alert] });
        else known.alerts.push(alert);
      }
    }
    return groups.sort(
      (a, b) => a.receiver.localeCompare(b.receiver, "en") || compareLabels(a.labels, b.labels),
    );
  }

  receivers(): readonly string[] {
    return ["default", "dba", "pager"];
  }

  configText(): string {
    return CONFIG;
  }

  async post(alerts: readonly PostedAlert[]): Promise<void> {
    this.#fail();
    const nowMs = this.#clock.nowMs();
    for (const { labels, annotations, startsAtMs, endsAtMs, generatorUrl } of alerts) {
      const fingerprint = fingerprintOf(labels);
      this.#alerts.set(fingerprint, {
        labels,
        annotations,
        startsAtMs: startsAtMs ?? endsAtMs ?? nowMs,
        endsAtMs: endsAtMs ?? nowMs + RESOLVE_TIMEOUT_MS,
        updatedAtMs: nowMs,
        generatorUrl,
        fingerprint,
        receivers: receiversOf(labels),
        state: "active",
        silencedBy: [],
        inhibitedBy: [],
        mutedBy: [],
        acknowledgedBy: "",
        acknowledgeComment: "",
      });
    }
  }

  externalLabels() {
    return this.external;
  }

  async acknowledge(...args: Parameters<AlertsPort["acknowledge"]>): Promise<number> {
    this.#fail();
    const { matches, by } = readAcknowledging(...args);
    const found = [...this.#alerts.values()].filter(({ labels }) => matches(labels));
    const said = { acknowledgedBy: by.createdBy, acknowledgeComment: by.comment };
    for (const alert of found) this.#alerts.set(alert.fingerprint, { ...alert, ...said });
    return found.length;
  }

  async testReceiver(receiver: string): Promise<readonly TestAnswer[]> {
    if (receiver === "default") return this.answers;
    throw new OperationalError("NOT_FOUND", `There is no receiver ${receiver}`);
  }

  async preview(labels: Labels, receiver: string | null): Promise<Preview> {
    const { routes, messages } = this.previewed;
    return { labels, routes, messages: receiver === null ? [] : messages };
  }

  silences() {
    this.#fail();
    return this.#opened?.list() ?? [];
  }

  async setSilence(silence: PostedSilence): Promise<string> {
    this.#fail();
    return await (await this.#open()).set(silence, this.#clock.nowMs());
  }

  async expireSilence(id: string): Promise<boolean> {
    this.#fail();
    return await (await this.#open()).expire(id, this.#clock.nowMs());
  }

  async deliveries(limit: number): Promise<readonly Delivery[]> {
    this.#fail();
    return this.deliveryList.slice(0, limit);
  }

  async #open(): Promise<Silences> {
    this.#silences ??= openSilences({
      store: new MemoryStore(),
      logger: new MemoryLogger(),
      metrics: new Metrics(),
      random: new SeededRandom(1).next,
    });
    this.#opened = await this.#silences;
    return this.#opened;
  }

  #fail(): void {
    const { failure } = this;
    this.failure = null;
    if (failure !== null) throw failure;
  }
}

function receiversOf(labels: Labels): string[] {
  const found: string[] = [];
  if (labelValue(labels, "team") === "db") found.push("dba");
  if (labelValue(labels, "severity") === "page") found.push("pager");
  return found.length > 0 ? found : ["default"];
}

/** FNV-1a of 64 bits over names and values, each with a byte 255 behind it, as Prometheus has it. */
function fingerprintOf(labels: Labels): string {
  let hash = 0xcbf29ce484222325n;
  const add = (bytes: Iterable<number>) => {
    for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  };
  for (const text of labelPairs(labels).flat()) add([...Buffer.from(text), 255]);
  return hash.toString(16).padStart(16, "0");
}
