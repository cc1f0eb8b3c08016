import { expect, test } from "vitest";
import type { Alert, RuleEvaluation } from "../../../aggregator/model/alert.ts";
import { type AlertTable, openAlerts } from "../../../aggregator/notify/alerts.ts";
import { OUTBOX_RANGE } from "../../../aggregator/notify/outbox-entry.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { labelsKey, labelsOf } from "../../../shared/model/labels.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { MemoryDisk, MemoryStore } from "../../support/memory-store.ts";
import { metricTotal } from "../../support/metric-total.ts";
import { SeededRandom } from "../../support/random.ts";

type Answer = number | "no answer" | "silence";

/** A receiver whose answers the test decides, and a table that may die and come back. */
class Scene {
  readonly clock = new FakeClock();
  readonly disk = new MemoryDisk();
  readonly logger = new MemoryLogger();
  readonly metrics = new Metrics();
  readonly random = new SeededRandom(7);
  /** `url status alertname,…` of every request. */
  readonly requests: string[] = [];
  readonly requestsMs: number[] = [];
  answer: (url: string) => Answer = () => 200;
  retryAfterMs: number | null = null;
  receiver = "ops";
  urls = ["http://one/"];
  sendsResolved = true;
  entriesMax = 100;
  expiryMs = 24 * 3_600_000;
  store = new MemoryStore(this.disk);
  table = undefined as unknown as AlertTable; // `start` sets it

  static async open(fields: Partial<Scene> = {}): Promise<Scene> {
    const scene = Object.assign(new Scene(), fields);
    await scene.start();
    return scene;
  }

  async start(): Promise<void> {
    const { store, clock, logger, metrics, post } = this;
    const external = { labels: [], url: "http://telltale:7071" };
    this.table = await openAlerts(
      { store, clock, random: this.random.next, logger, metrics, post, latenessMs: () => 0 },
      { external, expiryMs: this.expiryMs, entriesMax: this.entriesMax },
    );
    await this.configure();
  }

  /** Takes the receiver as it is now into force, and the rules that stand. */
  async configure(ruleIds = RULE_IDS): Promise<void> {
    const { receiver, sendsResolved } = this;
    const webhooks = this.urls.map((url, index) => ({
      ...{ receiver, queue: `${receiver}/${index}`, url, sendsResolved },
      ...{ alertsMax: 0, timeoutMs: 5000 },
    }));
    const routing = { receiver: { name: receiver, webhooks }, groupBy: ["alertname"] };
    await this.table.configure(this.urls.length === 0 ? null : routing, ruleIds);
    await this.clock.advance(0);
  }

  readonly post = async (url: string, body: string, signal: AbortSignal) => {
    const { status, alerts } = JSON.parse(body);
    const names = alerts.map((alert: { labels: { alertname: string } }) => alert.labels.alertname);
    this.requests.push(`${url} ${status} ${names.join(",")}`);
    this.requestsMs.push(this.clock.nowMs());
    const answer = this.answer(url);
    if (answer === "silence") {
      await new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    }
    if (typeof answer !== "number") throw new OperationalError("UNAVAILABLE", "Connection refused");
    return { status: answer, text: "the answer", retryAfterMs: this.retryAfterMs };
  };

  /** What an evaluation of each alert's own rule gives. */
  async write(alerts: Record<string, State>): Promise<void> {
    const evaluations = Object.entries(alerts).map(([name, state]) => evaluation(name, state));
    await this.table.write(evaluations, this.clock.nowMs());
    await this.clock.advance(0);
  }

  crash(): void {
    this.disk.crash(() => 0.5, "kill");
    this.store = new MemoryStore(this.disk);
  }

  /** Of the entries that wait, as hex. */
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

type State = "firing" | "pending" | "resolved";

/** The rules of the alerts A, B, C and D. */
const RULE_IDS: ReadonlySet<string> = new Set(["rA", "rB", "rC", "rD"]);

function evaluation(name: string, kind: State): RuleEvaluation {
  const common = { activeAtMs: 1000, isNoData: false };
  const state = kind === "pending" ? { kind, ...common } : FIRING;
  const labels = labelsOf({ alertname: name });
  const alert: Alert = {
    ...{ source: [], labels, annotations: [], value: Number.NaN, query: "up == 0" },
    ...{ state, firedAtMs: kind === "pending" ? null : 1000 },
  };
  const alerts = new Map(kind === "resolved" ? [] : [[labelsKey(labels), alert]]);
  return { ruleId: `r${name}`, alerts };
}

const FIRING = { kind: "firing", activeAtMs: 1000, absentSinceMs: null, isNoData: false } as const;

test("what fires and what is resolved is delivered once, in order, and forgotten", async () => {
  const scene = await Scene.open();
  await scene.write({ A: "firing", B: "firing" });
  await scene.write({ A: "resolved" });
  await scene.clock.advance(120_000);
  expect(scene.requests).toStrictEqual([
    "http://one/ firing A",
    "http://one/ firing B",
    "http://one/ resolved A",
  ]);
  expect(await scene.keys()).toStrictEqual([]);
  expect(scene.total("delivered")).toBe(3);
  await scene.table.close();
});

test.each<Answer>([500, 503, 408, 429, 401, 403, 404, 301, 307, 409, "no answer", "silence"])(
  "after %s it is tried again until it is taken, and nothing overtakes it",
  async (answer) => {
    const scene = await Scene.open();
    scene.answer = () => answer;
    await scene.write({ A: "firing" });
    await scene.write({ A: "resolved" });
    await scene.clock.advance(60_000);
    expect(scene.requests.length).toBeGreaterThan(4);
    expect(new Set(scene.requests)).toStrictEqual(new Set(["http://one/ firing A"]));
    scene.answer = () => 204;
    await scene.clock.advance(40_000);
    expect(scene.requests.slice(-2)).toStrictEqual([
      "http://one/ firing A",
      "http://one/ resolved A",
    ]);
    expect(scene.total("delivered")).toBe(2);
  },
);

test("pauses between tries are drawn up to a bound that doubles to 30 s", async () => {
  const scene = await Scene.open();
  scene.answer = () => 500;
  await scene.write({ A: "firing" });
  await scene.clock.advance(900_000);
  const pauses = scene.requestsMs.slice(1).map((ms, i) => ms - (scene.requestsMs[i] ?? 0));
  expect(pauses.length).toBeGreaterThan(40);
  for (const [i, pauseMs] of pauses.entries()) {
    expect(pauseMs).toBeLessThanOrEqual(Math.min(30_000, 200 * 2 ** i) + 1);
  }
  expect(Math.max(...pauses)).toBeGreaterThan(20_000);
  expect(scene.logger.messages("warn").length).toBe(scene.requests.length);
});

test.each([400, 413, 422])("an answer %d is for good: counted, logged, gone", async (status) => {
  const scene = await Scene.open();
  scene.answer = () => status;
  await scene.write({ A: "firing" });
  await scene.clock.advance(120_000);
  expect(scene.requests).toHaveLength(1);
  expect(await scene.keys()).toStrictEqual([]);
  expect(scene.total("rejected")).toBe(1);
  expect(scene.logger.messages("error")).toStrictEqual(["notification rejected"]);
});

test("a receiver is left alone for as long as it asks, within reason", async () => {
  const scene = await Scene.open({ retryAfterMs: 45_000 });
  scene.answer = () => 429;
  await scene.write({ A: "firing" });
  await scene.clock.advance(100_000);
  const pauses = () => scene.requestsMs.slice(1).map((ms, i) => ms - (scene.requestsMs[i] ?? 0));
  expect(pauses()).toEqual([45_000, 45_000]);
  scene.retryAfterMs = 10 * 86_400_000;
  await scene.clock.advance(1_300_000);
  expect(pauses().slice(3)).toEqual([600_000, 600_000]);
  scene.retryAfterMs = null;
  scene.answer = () => 200;
  await scene.clock.advance(600_000);
  expect(scene.total("delivered")).toBe(1);
});

test("what is not taken in time expires visibly", async () => {
  const scene = await Scene.open({ expiryMs: 300_000 });
  scene.answer = () => "no answer";
  await scene.write({ A: "firing" });
  await scene.clock.advance(300_000);
  expect(await scene.keys()).toHaveLength(1);
  await scene.clock.advance(31_000);
  expect(await scene.keys()).toStrictEqual([]);
  expect(scene.total("expired")).toBe(1);
  expect(scene.logger.messages("error")).toStrictEqual(["notification expired"]);
});

test("when the queue is full the oldest expire visibly", async () => {
  const scene = await Scene.open({ entriesMax: 2 });
  scene.answer = () => 500;
  for (const name of ["A", "B", "C", "D"]) await scene.write({ [name]: "firing" });
  await scene.clock.advance(1000);
  scene.answer = () => 200;
  scene.requests.length = 0;
  await scene.clock.advance(60_000);
  expect(scene.requests).toStrictEqual(["http://one/ firing C", "http://one/ firing D"]);
  expect(scene.total("expired")).toBe(2);
});

test("a restart goes on where the last run was killed, with ids that still ascend", async () => {
  const scene = await Scene.open({ answer: () => "silence" });
  await scene.write({ A: "firing" });
  const [before = ""] = await scene.keys();
  scene.crash();
  scene.answer = () => 503;
  scene.clock.stepWall(-60_000);
  scene.requests.length = 0;
  await scene.start();
  await scene.write({ A: "resolved" });
  const [kept, after = ""] = await scene.keys();
  expect(kept).toBe(before);
  expect(after > before).toBe(true);
  scene.answer = () => 200;
  await scene.clock.advance(60_000);
  expect(scene.requests.slice(-2)).toStrictEqual([
    "http://one/ firing A",
    "http://one/ resolved A",
  ]);
});

test("two webhooks of a receiver do not wait for one another", async () => {
  const scene = await Scene.open({
    urls: ["http://one/", "http://two/"],
    answer: (url) => (url === "http://one/" ? 500 : 200),
  });
  await scene.write({ A: "firing" });
  await scene.write({ A: "resolved" });
  await scene.clock.advance(10_000);
  const two = scene.requests.filter((request) => request.startsWith("http://two/"));
  expect(two).toStrictEqual(["http://two/ firing A", "http://two/ resolved A"]);
  expect(await scene.keys()).toHaveLength(2);
});

test("a webhook without send_resolved hears only of what fires", async () => {
  const scene = await Scene.open({ sendsResolved: false });
  await scene.write({ A: "firing" });
  await scene.write({ A: "resolved" });
  await scene.clock.advance(1000);
  expect(scene.requests).toStrictEqual(["http://one/ firing A"]);
});

test("entries of a receiver that is no longer configured expire visibly", async () => {
  const scene = await Scene.open({ answer: () => "silence" });
  await scene.write({ A: "firing", B: "firing" });
  scene.crash();
  scene.receiver = "a|new/one";
  scene.answer = () => 200;
  scene.requests.length = 0;
  await scene.start();
  expect(await scene.keys()).toStrictEqual([]);
  expect(scene.total("expired")).toBe(2);
  await scene.write({ C: "firing" });
  expect(scene.requests).toStrictEqual([
    "http://one/ firing A", // the new receiver hears of what fires
    "http://one/ firing B",
    "http://one/ firing C",
  ]);
});

test("a disk that fails for a while loses nothing", async () => {
  const scene = await Scene.open();
  scene.answer = () => {
    scene.disk.isFull = scene.requests.length === 1; // the delete fails, so it is sent once more
    return 200;
  };
  await scene.write({ A: "firing" });
  scene.disk.isFull = false;
  await scene.clock.advance(60_000);
  expect(scene.requests).toStrictEqual(["http://one/ firing A", "http://one/ firing A"]);
  expect(await scene.keys()).toStrictEqual([]);
  expect(scene.total("delivered")).toBe(1);
});

test("a step that cannot be stored leaves table and outbox as they were", async () => {
  const scene = await Scene.open();
  scene.disk.isFull = true;
  await expect(scene.write({ A: "firing" })).rejects.toThrow(OperationalError);
  expect(scene.table.alertsOf("rA").size).toBe(0);
  scene.disk.isFull = false;
  await scene.write({ A: "firing" });
  expect(scene.requests).toStrictEqual(["http://one/ firing A"]);
});

test("without a receiver nothing is sent, and the first one hears once of what fires then", async () => {
  const scene = await Scene.open({ urls: [] });
  await scene.write({ A: "firing", B: "firing", C: "pending" });
  await scene.write({ B: "resolved" });
  expect(await scene.keys()).toStrictEqual([]);
  scene.urls = ["http://one/"];
  await scene.configure();
  scene.crash();
  await scene.start();
  await scene.write({ A: "resolved", C: "resolved" });
  expect(scene.requests).toStrictEqual(["http://one/ firing A", "http://one/ resolved A"]);
});

test("a receiver whose address changed gets what waits at the new one, at once", async () => {
  const scene = await Scene.open();
  scene.answer = (url) => (url === "http://one/" ? 503 : 200);
  await scene.write({ A: "firing" });
  await scene.write({ A: "resolved" });
  await scene.clock.advance(100_000);
  scene.requests.length = 0;
  scene.urls = ["http://new/"];
  await scene.configure();
  expect(scene.requests).toStrictEqual(["http://new/ firing A", "http://new/ resolved A"]);
  expect(await scene.keys()).toStrictEqual([]);
  expect(scene.total("telltale_outbox_entries")).toBe(0);
});

test("another receiver hears of what fires; what waited for the one before expires with a reason", async () => {
  const scene = await Scene.open();
  scene.answer = () => 503;
  await scene.write({ A: "firing", B: "firing" });
  scene.answer = () => 200;
  scene.receiver = "new";
  scene.requests.length = 0;
  await scene.configure();
  await scene.write({ B: "resolved" });
  expect(scene.requests).toStrictEqual([
    "http://one/ firing A",
    "http://one/ firing B",
    "http://one/ resolved B",
  ]);
  expect(scene.total("receiver_removed")).toBe(2);
  expect(scene.logger.messages("error")).toHaveLength(1);
});

test("the same configuration again sends nothing and writes nothing", async () => {
  const scene = await Scene.open();
  await scene.write({ A: "firing" });
  scene.disk.isFull = true;
  await scene.configure();
  expect(scene.requests).toHaveLength(1);
});

test("a configuration that cannot be stored leaves the one before in force", async () => {
  const scene = await Scene.open();
  scene.answer = () => 503;
  await scene.write({ A: "firing" });
  scene.disk.isFull = true;
  scene.receiver = "new";
  await expect(scene.configure(new Set())).rejects.toThrow(OperationalError);
  expect(scene.table.alertsOf("rA").size).toBe(1);
  scene.disk.isFull = false;
  scene.answer = () => 200;
  scene.requests.length = 0;
  await scene.clock.advance(60_000);
  await scene.write({ A: "resolved" });
  expect(scene.requests).toStrictEqual(["http://one/ firing A", "http://one/ resolved A"]);
  expect(scene.total("expired")).toBe(0);
});

test("an evaluation under way while the receiver changes is not lost between the two", async () => {
  const scene = await Scene.open();
  const release = scene.disk.hangSync();
  const written = scene.table.write([evaluation("A", "firing")], scene.clock.nowMs());
  scene.receiver = "new";
  scene.urls = ["http://new/"];
  const configured = scene.configure();
  await scene.clock.advance(0);
  release();
  await Promise.all([written, configured]);
  await scene.clock.advance(1000);
  expect(scene.requests).toContain("http://new/ firing A");
});
