import { expect, test } from "vitest";
import type { AlertChange } from "../../../aggregator/notify/integrations/webhook.ts";
import { type Outbox, openOutbox } from "../../../aggregator/notify/outbox.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { MemoryDisk, MemoryStore } from "../../support/memory-store.ts";
import { SeededRandom } from "../../support/random.ts";

type Answer = number | "no answer" | "silence";

/** A receiver whose answers the test decides, and an outbox that may die and come back. */
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
  names = ["ops"];
  urls = ["http://one/"];
  sendsResolved = true;
  entriesMax = 100;
  expiryMs = 24 * 3_600_000;
  store = new MemoryStore(this.disk);
  stop = new AbortController();
  done: Promise<void> = Promise.resolve();

  async open(): Promise<Outbox> {
    const webhooks = this.urls.map((url) => ({
      url,
      sendsResolved: this.sendsResolved,
      alertsMax: 0,
      timeoutMs: 5000,
    }));
    const receiver = { name: this.names[0] ?? "", webhooks };
    const outbox = await openOutbox(
      {
        store: this.store,
        clock: this.clock,
        random: this.random.next,
        logger: this.logger,
        metrics: this.metrics,
        post: this.post,
      },
      {
        config: { receiver, groupBy: ["alertname"] },
        externalUrl: "http://telltale:7071",
        expiryMs: this.expiryMs,
        entriesMax: this.entriesMax,
      },
    );
    this.stop = new AbortController();
    this.done = outbox.run(this.stop.signal);
    return outbox;
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
    return { status: answer, text: "the answer" };
  };

  async tell(outbox: Outbox, ...changes: AlertChange[]): Promise<void> {
    const operations = outbox.operations(changes, this.clock.nowMs());
    await this.store.batch(operations, { sync: true });
    outbox.wake();
    await this.clock.advance(0);
  }

  crash(): void {
    this.disk.crash(() => 0.5, "kill");
    this.store = new MemoryStore(this.disk);
  }

  async keys(): Promise<string[]> {
    const keys: string[] = [];
    for await (const [key] of this.store.entries({})) keys.push(Buffer.from(key).toString("hex"));
    return keys;
  }

  total(outcome: string): number {
    const samples = this.metrics.samples().filter(({ labels }) => labels.includes(outcome));
    return samples.reduce((sum, { value }) => sum + value, 0);
  }
}

function change(status: "firing" | "resolved", alertname: string): AlertChange {
  return {
    status,
    labels: labelsOf({ alertname }),
    annotations: [],
    startsAtMs: 0,
    endsAtMs: status === "firing" ? null : 1,
    generatorUrl: "",
  };
}

test("what fires and what is resolved is delivered once, in order, and forgotten", async () => {
  const scene = new Scene();
  const outbox = await scene.open();
  await scene.tell(outbox, change("firing", "A"), change("firing", "B"));
  await scene.tell(outbox, change("resolved", "A"));
  await scene.clock.advance(120_000);
  expect(scene.requests).toStrictEqual([
    "http://one/ firing A",
    "http://one/ firing B",
    "http://one/ resolved A",
  ]);
  expect(await scene.keys()).toStrictEqual([]);
  expect(scene.total("delivered")).toBe(3);
  scene.stop.abort();
  await scene.done;
});

test.each<Answer>([500, 503, 408, 429, "no answer", "silence"])(
  "after %s it is tried again until it is taken, and nothing overtakes it",
  async (answer) => {
    const scene = new Scene();
    const outbox = await scene.open();
    scene.answer = () => answer;
    await scene.tell(outbox, change("firing", "A"));
    await scene.tell(outbox, change("resolved", "A"));
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
    scene.stop.abort();
    await scene.done;
  },
);

test("pauses between tries are drawn up to a bound that doubles to 30 s", async () => {
  const scene = new Scene();
  const outbox = await scene.open();
  scene.answer = () => 500;
  await scene.tell(outbox, change("firing", "A"));
  await scene.clock.advance(900_000);
  const pauses = scene.requestsMs.slice(1).map((ms, i) => ms - (scene.requestsMs[i] ?? 0));
  expect(pauses.length).toBeGreaterThan(40);
  for (const [i, pauseMs] of pauses.entries()) {
    expect(pauseMs).toBeLessThanOrEqual(Math.min(30_000, 200 * 2 ** i) + 1);
  }
  expect(Math.max(...pauses)).toBeGreaterThan(20_000);
  expect(scene.logger.messages("warn").length).toBe(scene.requests.length);
  scene.stop.abort();
  await scene.done;
});

test.each([400, 401, 404, 301])(
  "an answer %d is for good: counted, logged, gone",
  async (status) => {
    const scene = new Scene();
    const outbox = await scene.open();
    scene.answer = () => status;
    await scene.tell(outbox, change("firing", "A"));
    await scene.clock.advance(120_000);
    expect(scene.requests).toHaveLength(1);
    expect(await scene.keys()).toStrictEqual([]);
    expect(scene.total("rejected")).toBe(1);
    expect(scene.logger.messages("error")).toStrictEqual(["notification rejected"]);
    scene.stop.abort();
    await scene.done;
  },
);

test("what is not taken in time expires visibly", async () => {
  const scene = new Scene();
  scene.expiryMs = 300_000;
  const outbox = await scene.open();
  scene.answer = () => "no answer";
  await scene.tell(outbox, change("firing", "A"));
  await scene.clock.advance(300_000);
  expect(await scene.keys()).toHaveLength(1);
  await scene.clock.advance(31_000);
  expect(await scene.keys()).toStrictEqual([]);
  expect(scene.total("expired")).toBe(1);
  expect(scene.logger.messages("error")).toStrictEqual(["notification expired"]);
  scene.stop.abort();
  await scene.done;
});

test("when the queue is full the oldest expire visibly", async () => {
  const scene = new Scene();
  scene.entriesMax = 2;
  const outbox = await scene.open();
  scene.answer = () => 500;
  for (const name of ["A", "B", "C", "D"]) await scene.tell(outbox, change("firing", name));
  await scene.clock.advance(1000);
  scene.answer = () => 200;
  scene.requests.length = 0;
  await scene.clock.advance(60_000);
  expect(scene.requests).toStrictEqual(["http://one/ firing C", "http://one/ firing D"]);
  expect(scene.total("expired")).toBe(2);
  scene.stop.abort();
  await scene.done;
});

test("a restart goes on where the last run was killed, with ids that still ascend", async () => {
  const scene = new Scene();
  scene.answer = () => "silence";
  const first = await scene.open();
  await scene.tell(first, change("firing", "A"));
  const [before = ""] = await scene.keys();
  scene.crash();
  scene.answer = () => 200;
  scene.clock.stepWall(-60_000);
  scene.requests.length = 0;
  const second = await scene.open();
  const [operation] = second.operations([change("resolved", "A")], scene.clock.nowMs());
  expect(Buffer.from(operation?.key ?? []).toString("hex") > before).toBe(true);
  await scene.tell(second, change("resolved", "A"));
  await scene.clock.advance(1000);
  expect(scene.requests).toStrictEqual(["http://one/ firing A", "http://one/ resolved A"]);
  scene.stop.abort();
  await scene.done;
});

test("two webhooks of a receiver do not wait for one another", async () => {
  const scene = new Scene();
  scene.urls = ["http://one/", "http://two/"];
  scene.answer = (url) => (url === "http://one/" ? 500 : 200);
  const outbox = await scene.open();
  await scene.tell(outbox, change("firing", "A"));
  await scene.tell(outbox, change("resolved", "A"));
  await scene.clock.advance(10_000);
  const two = scene.requests.filter((request) => request.startsWith("http://two/"));
  expect(two).toStrictEqual(["http://two/ firing A", "http://two/ resolved A"]);
  expect(await scene.keys()).toHaveLength(2);
  scene.stop.abort();
  await scene.done;
});

test("a webhook without send_resolved hears only of what fires", async () => {
  const scene = new Scene();
  scene.sendsResolved = false;
  const outbox = await scene.open();
  await scene.tell(outbox, change("firing", "A"), change("resolved", "B"));
  await scene.clock.advance(1000);
  expect(scene.requests).toStrictEqual(["http://one/ firing A"]);
  expect(outbox.operations([change("resolved", "A")], 0)).toStrictEqual([]);
  scene.stop.abort();
  await scene.done;
});

test("entries of a receiver that is no longer configured expire visibly", async () => {
  const scene = new Scene();
  scene.answer = () => "silence";
  const first = await scene.open();
  await scene.tell(first, change("firing", "A"), change("firing", "B"));
  scene.crash();
  scene.names = ["a|new/one"];
  scene.answer = () => 200;
  scene.requests.length = 0;
  const second = await scene.open();
  expect(await scene.keys()).toStrictEqual([]);
  expect(scene.total("expired")).toBe(2);
  await scene.tell(second, change("firing", "C"));
  expect(scene.requests).toStrictEqual(["http://one/ firing C"]);
  scene.stop.abort();
  await scene.done;
});

test("a disk that fails for a while loses nothing", async () => {
  const scene = new Scene();
  const outbox = await scene.open();
  await scene.tell(outbox);
  const operations = outbox.operations([change("firing", "A")], scene.clock.nowMs());
  await scene.store.batch(operations, { sync: true });
  scene.disk.isFull = true; // the delete after the delivery fails, so it is sent once more
  outbox.wake();
  await scene.clock.advance(0);
  scene.disk.isFull = false;
  await scene.clock.advance(60_000);
  expect(scene.requests).toStrictEqual(["http://one/ firing A", "http://one/ firing A"]);
  expect(await scene.keys()).toStrictEqual([]);
  expect(scene.total("delivered")).toBe(1);
  scene.stop.abort();
  await scene.done;
});

test("without a configuration nothing is kept and nothing is sent", async () => {
  const scene = new Scene();
  const outbox = await openOutbox(
    {
      store: scene.store,
      clock: scene.clock,
      random: scene.random.next,
      logger: scene.logger,
      metrics: scene.metrics,
      post: scene.post,
    },
    { config: null, externalUrl: "", expiryMs: 1, entriesMax: 1 },
  );
  expect(outbox.operations([change("firing", "A")], 0)).toStrictEqual([]);
  await outbox.run(new AbortController().signal);
});
