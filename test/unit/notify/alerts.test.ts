import { expect, test } from "vitest";
import { OperationalError } from "../../../shared/errors.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import { hook, route, routing } from "../../support/notify-routing.ts";
import { type Answer, NotifyScene } from "./notify-scene.ts";

const EVERY_ALERT = route();
const LABELS = (alertname: string) => labelsOf({ alertname });

test("what fires and what is resolved is delivered once, and forgotten", async () => {
  const scene = await NotifyScene.open();
  await scene.write({ A: "firing", B: "firing" });
  await scene.clock.advance(5000);
  await scene.write({ A: "resolved" });
  await scene.clock.advance(120_000);
  expect(scene.requests).toStrictEqual(["ops: firing A", "ops: firing B", "ops: resolved A"]);
  expect(await scene.keys()).toStrictEqual([]);
  expect(scene.total("delivered")).toBe(3);
  await scene.close();
});

test.each<Answer>([500, 503, 408, 429, 401, 403, 404, 301, 307, 409, "no answer", "silence"])(
  "after %s it is tried again until it is taken",
  async (answer) => {
    const scene = await NotifyScene.open();
    scene.answer = () => answer;
    await scene.write({ A: "firing" });
    await scene.clock.advance(60_000);
    expect(scene.requests.length).toBeGreaterThan(4);
    scene.answer = () => 204;
    await scene.clock.advance(40_000);
    await scene.write({ A: "resolved" });
    await scene.clock.advance(1000);
    expect(new Set(scene.requests.slice(0, -1))).toStrictEqual(new Set(["ops: firing A"]));
    expect(scene.requests.at(-1)).toBe("ops: resolved A");
    expect(scene.total("delivered")).toBe(2);
    await scene.close();
  },
);

test("what was over before the receiver took it is not told, and is in the log", async () => {
  const scene = await NotifyScene.open({ answer: () => 503 });
  await scene.write({ A: "firing", B: "firing" });
  await scene.clock.advance(5000);
  await scene.write({ A: "resolved" });
  await scene.clock.advance(60_000);
  scene.requests.length = 0;
  scene.answer = () => 200;
  await scene.clock.advance(60_000);
  expect(scene.requests).toStrictEqual(["ops: firing B"]);
  expect(scene.total("collapsed")).toBe(1);
  const deliveries = await scene.table.outbox.log.newest(10);
  expect(deliveries.map(({ outcome, groupKey }) => `${outcome} ${groupKey}`)).toStrictEqual([
    'delivered {}:{alertname="B"}',
    'collapsed {}:{alertname="A"}',
  ]);
  expect(deliveries[0]).toMatchObject({ receiver: "ops", integration: "hook", firing: 1 });
  expect(deliveries[0]?.waitedMs).toBeGreaterThan(60_000);
  await scene.close();
});

test("a receiver that heard of an alert hears of its end, however long it was away", async () => {
  const scene = await NotifyScene.open();
  await scene.write({ A: "firing" });
  await scene.clock.advance(1000);
  scene.answer = () => "no answer";
  await scene.write({ A: "resolved" });
  await scene.clock.advance(3_600_000);
  scene.requests.length = 0;
  scene.answer = () => 200;
  await scene.clock.advance(60_000);
  expect(scene.requests).toStrictEqual(["ops: resolved A"]);
  expect(scene.table.dispatcher.known.size).toBe(0);
  await scene.close();
});

test("an alert that is back before its end was told is not told again", async () => {
  const scene = await NotifyScene.open();
  await scene.write({ A: "firing" });
  await scene.clock.advance(1000);
  scene.answer = () => "no answer";
  await scene.write({ A: "resolved" });
  await scene.clock.advance(5000);
  await scene.write({ A: "firing" });
  await scene.clock.advance(5000);
  scene.requests.length = 0;
  scene.answer = () => 200;
  await scene.clock.advance(60_000);
  expect(scene.requests).toStrictEqual([]);
  await scene.close();
});

test("pauses between tries are drawn up to a bound that doubles to 30 s", async () => {
  const scene = await NotifyScene.open();
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
  await scene.close();
});

test.each([400, 413, 422])("an answer %d is for good: counted, logged, gone", async (status) => {
  const scene = await NotifyScene.open();
  scene.answer = () => status;
  await scene.write({ A: "firing" });
  await scene.clock.advance(120_000);
  expect(scene.requests).toHaveLength(1);
  expect(await scene.keys()).toStrictEqual([]);
  expect(scene.total("rejected")).toBe(1);
  expect(scene.logger.messages("error")).toStrictEqual(["notification rejected"]);
  await scene.close();
});

test("a receiver is left alone for as long as it asks, within reason", async () => {
  const scene = await NotifyScene.open({ retryAfterMs: 45_000 });
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
  await scene.close();
});

test("what is not taken in time expires visibly, and is tried anew as long as it fires", async () => {
  const scene = await NotifyScene.open({ expiryMs: 300_000 });
  scene.answer = () => "no answer";
  await scene.write({ A: "firing" });
  await scene.clock.advance(300_000);
  expect(scene.total("expired")).toBe(0);
  await scene.clock.advance(31_000);
  expect(scene.total("expired")).toBe(1);
  expect(scene.logger.messages("error")).toStrictEqual(["notification expired"]);
  const [last] = await scene.table.outbox.log.newest(1);
  expect(last?.answer).toBe("the receiver did not take it in time: Connection refused");
  scene.answer = () => 200;
  await scene.clock.advance(31_000);
  expect(scene.total("delivered")).toBe(1);
  await scene.close();
});

test("when the queue is full the oldest expire visibly", async () => {
  const root = route({ groupIntervalMs: 3_600_000 });
  const scene = await NotifyScene.open({ entriesMax: 2, config: routing(root, [hook("ops")]) });
  scene.answer = () => 500;
  for (const name of ["A", "B", "C", "D"]) await scene.write({ [name]: "firing" });
  await scene.clock.advance(1000);
  scene.answer = () => 200;
  scene.requests.length = 0;
  await scene.clock.advance(60_000);
  expect(scene.requests).toStrictEqual(["ops: firing C", "ops: firing D"]);
  expect(scene.total("expired")).toBe(2);
  await scene.close();
});

test("a restart goes on where the last run was killed", async () => {
  const scene = await NotifyScene.open({ answer: () => "silence" });
  await scene.write({ A: "firing" });
  const before = await scene.keys();
  scene.crash();
  scene.answer = () => 503;
  scene.clock.stepWall(-60_000);
  scene.requests.length = 0;
  await scene.start();
  await scene.write({ B: "firing" });
  expect((await scene.keys()).slice(0, 1)).toStrictEqual(before);
  scene.answer = () => 200;
  await scene.clock.advance(60_000);
  expect(scene.requests.slice(-2)).toStrictEqual(["ops: firing A", "ops: firing B"]);
  await scene.close();
});

test("what ended and was not told before the kill is told after it", async () => {
  const scene = await NotifyScene.open();
  await scene.write({ A: "firing", B: "firing" });
  await scene.clock.advance(1000);
  scene.answer = () => "silence";
  await scene.write({ A: "resolved" });
  await scene.clock.advance(2000);
  await scene.write({ B: "resolved" }); // its group is flushed only after the kill
  scene.crash();
  scene.answer = () => 200;
  scene.requests.length = 0;
  await scene.start();
  await scene.clock.advance(60_000);
  expect(scene.requests.toSorted()).toStrictEqual(["ops: resolved A", "ops: resolved B"]);
  expect(scene.table.dispatcher.known.size).toBe(0);
  await scene.close();
});

test("two integrations of a receiver do not wait for one another", async () => {
  const one = hook("ops 0", {}, "http://one/");
  const two = hook("ops 1", {}, "http://two/");
  const scene = await NotifyScene.open({
    config: routing(EVERY_ALERT, [one, two]),
    answer: (url) => (url === "http://one/" ? 500 : 200),
  });
  await scene.write({ A: "firing" });
  await scene.clock.advance(5000);
  await scene.write({ A: "resolved" });
  await scene.clock.advance(10_000);
  const toTwo = scene.requests.filter((request) => request.startsWith("two"));
  expect(toTwo).toStrictEqual(["two: firing A", "two: resolved A"]);
  expect(scene.total("collapsed")).toBe(1);
  await scene.close();
});

test("an integration without send_resolved hears only of what fires", async () => {
  const config = routing(route({ groupBy: [] }), [hook("ops", { sendsResolved: false })]);
  const scene = await NotifyScene.open({ config });
  await scene.write({ A: "firing" });
  await scene.clock.advance(1500);
  await scene.write({ A: "resolved", B: "firing" });
  await scene.clock.advance(5000);
  await scene.write({ B: "resolved" });
  await scene.clock.advance(5000);
  await scene.write({ A: "firing" });
  await scene.clock.advance(5000);
  expect(scene.requests).toStrictEqual(["ops: firing A", "ops: firing B", "ops: firing A"]);
  await scene.close();
});

test("what waits for a receiver that is no longer configured expires visibly", async () => {
  const scene = await NotifyScene.open({ answer: () => "silence" });
  await scene.write({ A: "firing", B: "firing" });
  scene.crash();
  scene.config = routing(route({ receiver: "a|new/one" }), [hook("a|new/one", {}, "http://one/")]);
  scene.answer = () => 200;
  scene.requests.length = 0;
  await scene.start();
  expect(scene.total("expired")).toBe(2);
  await scene.write({ C: "firing" });
  expect(await scene.keys()).toStrictEqual([]);
  // The new receiver hears of what fires.
  expect(scene.requests).toStrictEqual(["one: firing A", "one: firing B", "one: firing C"]);
  await scene.close();
});

test("a disk that fails for a while loses nothing", async () => {
  const scene = await NotifyScene.open();
  scene.answer = () => {
    scene.disk.isFull = scene.requests.length === 1; // what became of it is not stored: sent once more
    return 200;
  };
  await scene.write({ A: "firing" });
  scene.disk.isFull = false;
  await scene.clock.advance(60_000);
  expect(scene.requests).toStrictEqual(["ops: firing A", "ops: firing A"]);
  expect(await scene.keys()).toStrictEqual([]);
  expect(scene.total("delivered")).toBe(1);
  await scene.close();
});

test("a step that cannot be stored leaves everything as it was", async () => {
  const scene = await NotifyScene.open();
  scene.disk.isFull = true;
  await expect(scene.write({ A: "firing" })).rejects.toThrow(OperationalError);
  expect(scene.table.alertsOf("rA").size).toBe(0);
  expect(scene.table.dispatcher.known.size).toBe(0);
  await scene.clock.advance(5000);
  scene.disk.isFull = false;
  await scene.clock.advance(5000);
  expect(scene.requests).toStrictEqual([]);
  await scene.write({ A: "firing" });
  expect(scene.requests).toStrictEqual(["ops: firing A"]);
  await scene.close();
});

test("a group that is due while the disk is full is flushed once there is room", async () => {
  const config = routing(route({ groupWaitMs: 1000 }), [hook("ops")]);
  const scene = await NotifyScene.open({ config });
  await scene.write({ A: "firing" });
  scene.disk.isFull = true;
  await scene.clock.advance(10_000);
  expect(scene.requests).toStrictEqual([]);
  scene.disk.isFull = false;
  await scene.clock.advance(2000);
  expect(scene.requests).toStrictEqual(["ops: firing A"]);
  await scene.close();
});

test("without a receiver nothing is sent, and the first one hears once of what fires then", async () => {
  const scene = await NotifyScene.open({ config: null });
  await scene.write({ A: "firing", B: "firing", C: "pending" });
  await scene.write({ B: "resolved" });
  expect(await scene.keys()).toStrictEqual([]);
  scene.config = routing(EVERY_ALERT, [hook("ops")]);
  await scene.configure();
  scene.crash();
  await scene.start();
  await scene.clock.advance(2000);
  await scene.write({ A: "resolved", C: "resolved" });
  await scene.clock.advance(2000);
  expect(scene.requests).toStrictEqual(["ops: firing A", "ops: resolved A"]);
  await scene.close();
});

test("a receiver whose address changed gets what waits at the new one, at once", async () => {
  const scene = await NotifyScene.open();
  scene.answer = (url) => (url === "http://ops/" ? 503 : 200);
  await scene.write({ A: "firing" });
  await scene.clock.advance(100_000);
  scene.requests.length = 0;
  scene.config = routing(EVERY_ALERT, [hook("ops", {}, "http://new/")]);
  await scene.configure();
  expect(scene.requests).toStrictEqual(["new: firing A"]);
  expect(await scene.keys()).toStrictEqual([]);
  expect(scene.total("telltale_outbox_entries")).toBe(0);
  await scene.close();
});

test("the same configuration again sends nothing", async () => {
  const scene = await NotifyScene.open();
  await scene.write({ A: "firing" });
  scene.disk.isFull = true;
  await scene.configure();
  expect(scene.requests).toHaveLength(1);
  await scene.close();
});

test("a configuration that cannot be stored leaves the one before in force", async () => {
  const scene = await NotifyScene.open();
  scene.answer = () => 503;
  await scene.write({ A: "firing" });
  scene.disk.isFull = true;
  scene.config = routing(route({ receiver: "new" }), [hook("new")]);
  await expect(scene.configure(new Set())).rejects.toThrow(OperationalError);
  expect(scene.table.alertsOf("rA").size).toBe(1);
  scene.disk.isFull = false;
  scene.answer = () => 200;
  scene.requests.length = 0;
  await scene.clock.advance(60_000);
  await scene.write({ A: "resolved" });
  await scene.clock.advance(1000);
  expect(scene.requests).toStrictEqual(["ops: firing A", "ops: resolved A"]);
  expect(scene.total("expired")).toBe(0);
  await scene.close();
});

test("rules that are gone end their alerts", async () => {
  const scene = await NotifyScene.open();
  await scene.write({ A: "firing", B: "firing" });
  await scene.clock.advance(1500);
  await scene.configure(new Set(["rB"]));
  await scene.clock.advance(1500);
  expect(scene.requests.at(-1)).toBe("ops: resolved A");
  expect(scene.requests).toHaveLength(3);
  await scene.close();
});

test("two rules with one alert: it ends with the last of them", async () => {
  const scene = await NotifyScene.open();
  await scene.write({ A: "firing" });
  const [[key = "", alert] = []] = scene.table.alertsOf("rA");
  const alerts = new Map(alert === undefined ? [] : [[key, alert]]);
  await scene.table.write([{ ruleId: "rB", alerts }], scene.clock.nowMs());
  await scene.clock.advance(5000);
  await scene.write({ A: "resolved" });
  await scene.clock.advance(5000);
  expect(scene.requests).toStrictEqual(["ops: firing A"]);
  await scene.write({ B: "resolved" });
  await scene.clock.advance(5000);
  expect(scene.requests).toStrictEqual(["ops: firing A", "ops: resolved A"]);
  await scene.close();
});

test("a receiver that takes three messages a minute gets the rest together", async () => {
  const config = routing(EVERY_ALERT, [hook("ops", { perMinuteMax: 3 })]);
  const scene = await NotifyScene.open({ config });
  const post = async (...names: readonly string[]) => {
    await scene.post(...names.map((name) => ({ labels: LABELS(name) })));
    await scene.clock.advance(2000);
  };
  await post("A", "B");
  await post("C", "D", "E");
  await post("F");
  await post("G");
  await scene.clock.advance(45_000);
  expect(scene.requests).toStrictEqual(["ops: firing A", "ops: firing B", "ops: firing C,D,E"]);
  await scene.clock.advance(10_000);
  expect(scene.requests.slice(3)).toStrictEqual(["ops: firing F", "ops: firing G"]);
  expect(scene.total("delivered")).toBe(7);
  await scene.close();
});

test("a request that hangs does not hold up what goes to other groups", async () => {
  const scene = await NotifyScene.open();
  let hung = 0;
  scene.answer = () => {
    hung += 1;
    return hung === 1 ? "silence" : 200;
  };
  await scene.write({ A: "firing", B: "firing", C: "firing" });
  await scene.clock.advance(1000);
  expect(scene.requests).toStrictEqual(["ops: firing A", "ops: firing B", "ops: firing C"]);
  expect(scene.total("delivered")).toBe(2);
  await scene.clock.advance(10_000);
  expect(scene.requests.slice(3)).toStrictEqual(["ops: firing A"]);
  await scene.close();
});

test("what changes while a request is under way is sent after it", async () => {
  const config = routing(route({ groupBy: [] }), [hook("ops")]);
  const scene = await NotifyScene.open({ config, answer: () => "silence" });
  await scene.write({ A: "firing" });
  await scene.clock.advance(500);
  await scene.write({ B: "firing" });
  await scene.clock.advance(3500);
  scene.answer = () => 200;
  await scene.clock.advance(5000);
  expect(scene.requests).toStrictEqual(["ops: firing A", "ops: firing A,B"]);
  expect(await scene.keys()).toStrictEqual([]);
  await scene.close();
});

const ESCALATING = routing(
  route({
    escalations: [
      { afterMs: 60_000, receiver: "lead" },
      { afterMs: 300_000, receiver: "boss" },
    ],
  }),
  [hook("ops"), hook("lead"), hook("boss")],
);

test("what nobody acknowledges escalates, and those who heard of it hear of its end", async () => {
  const scene = await NotifyScene.open({ config: ESCALATING });
  await scene.write({ A: "firing" });
  await scene.clock.advance(59_000);
  expect(scene.requests).toStrictEqual(["ops: firing A"]);
  await scene.clock.advance(1000);
  expect(scene.requests).toStrictEqual(["ops: firing A", "lead: firing A"]);
  await scene.clock.advance(100_000);
  await scene.write({ A: "resolved" });
  await scene.clock.advance(600_000);
  const ends = scene.requests.slice(2).toSorted();
  expect(ends).toStrictEqual(["lead: resolved A", "ops: resolved A"]);
  await scene.close();
});

test("what is acknowledged neither escalates nor is repeated, also after a kill", async () => {
  const root = { ...ESCALATING.root, repeatIntervalMs: 30_000 };
  const scene = await NotifyScene.open({ config: { ...ESCALATING, root } });
  await scene.write({ A: "firing" });
  await scene.clock.advance(70_000);
  const by = { createdBy: "ann", comment: "on it" };
  expect(await scene.table.acknowledge((labels) => labels.includes("A"), by)).toBe(1);
  scene.requests.length = 0;
  scene.crash();
  await scene.start();
  await scene.clock.advance(600_000);
  expect(scene.requests).toStrictEqual([]);
  await scene.write({ A: "resolved" });
  await scene.clock.advance(5000);
  await scene.write({ A: "firing" });
  await scene.clock.advance(61_000);
  // It is another occurrence: the old acknowledgement says nothing of it.
  expect(scene.requests.filter((one) => !one.startsWith("ops"))).toStrictEqual([
    "lead: resolved A",
    "lead: firing A",
  ]);
  await scene.close();
});

test("a receiver that is down for an hour holds up nobody, and then hears what matters, once, in order", async () => {
  const hooks = [hook("ops 0", {}, "http://down/"), hook("ops 1", {}, "http://up/")];
  const root = route({ groupIntervalMs: 60_000 });
  const isDown = () => scene.clock.nowMs() < backMs;
  const scene: NotifyScene = await NotifyScene.open({
    config: routing(root, hooks),
    answer: (url) => (url === "http://down/" && isDown() ? "no answer" : 200),
  });
  const backMs = scene.clock.nowMs() + 3_600_000;
  const begun: number[] = [];
  const names = Array.from({ length: 12 }, (_, i) => `alert${String(i).padStart(2, "0")}`);
  for (const [i, name] of names.entries()) {
    begun.push(scene.clock.nowMs());
    await scene.post({ labels: LABELS(name), endsAtMs: backMs + 86_400_000 });
    // Every third one is over long before the receiver is back.
    await scene.clock.advance(150_000);
    const endsAtMs = scene.clock.nowMs();
    if (i % 3 === 0) await scene.post({ labels: LABELS(name), endsAtMs });
    await scene.clock.advance(100_000);
  }
  const up = scene.requests.flatMap((one, i) => (/^up: firing/.test(one) ? [i] : []));
  const delays = up.map((at, i) => (scene.requestsMs[at] ?? Number.NaN) - (begun[i] ?? 0));
  expect(delays).toHaveLength(names.length);
  expect(Math.max(...delays)).toBeLessThan(1000);
  scene.requests.length = 0;
  await scene.clock.advance(backMs - scene.clock.nowMs() + 61_000);
  const told = scene.requests.filter((one, i) => one !== scene.requests[i - 1]);
  expect(told).toStrictEqual(
    names.filter((_, i) => i % 3 !== 0).map((name) => `down: firing ${name}`),
  );
  await scene.clock.advance(600_000);
  expect(scene.requests.filter((one) => one.startsWith("down")).at(-1)).toBe(told.at(-1));
  await scene.close();
});
