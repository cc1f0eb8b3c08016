/** What a receiver believes after messages of which nobody knows whether they were taken. */

import { expect, test } from "vitest";
import { labelsOf } from "../../../shared/model/labels.ts";
import { hook, route, routing } from "../../support/notify-routing.ts";
import { NotifyScene } from "./notify-scene.ts";

const EVERY_ALERT = route();
const LABELS = (alertname: string) => labelsOf({ alertname });

test("who may have heard that an alert fires hears of its end", async () => {
  const scene = await NotifyScene.open({ answer: () => "silence" });
  await scene.write({ A: "firing" });
  await scene.clock.advance(5500); // taken, or not: there was no answer in time
  scene.answer = () => 503;
  await scene.write({ A: "resolved" });
  await scene.clock.advance(60_000);
  scene.answer = () => 200;
  await scene.clock.advance(60_000);
  expect(scene.requests.at(-1)).toBe("ops: resolved A");
  expect(scene.total("collapsed")).toBe(0);
  await scene.close();
});

test.each([
  ["was silent", "silence" as const],
  ["took it, which could not be noted", 200],
])("who may have heard of an end hears that the alert fires again: it %s", async (_how, answer) => {
  const scene = await NotifyScene.open();
  await scene.write({ A: "firing" });
  await scene.clock.advance(1000);
  scene.answer = () => {
    scene.disk.isFull = answer === 200;
    return answer;
  };
  await scene.write({ A: "resolved" });
  await scene.clock.advance(5500);
  scene.answer = () => 503;
  scene.disk.isFull = false;
  await scene.write({ A: "firing" });
  await scene.clock.advance(30_000);
  scene.answer = () => 200;
  await scene.clock.advance(60_000);
  expect(scene.requests.at(-1)).toBe("ops: firing A");
  expect(scene.requests).toContain("ops: resolved A");
  await scene.close();
});

test.each([
  ["closed", ["ops: firing A"]],
  ["died", ["ops: firing A", "ops: resolved A"]],
])(
  "after a run that %s, the end of what no receiver took is told only if it may have",
  async (how, told) => {
    const scene = await NotifyScene.open({ answer: () => "no answer" }); // refused: nothing was taken
    await scene.write({ A: "firing" });
    if (how === "closed") await scene.close();
    scene.crash();
    scene.requests.length = 0;
    await scene.start();
    await scene.clock.advance(1000);
    await scene.write({ A: "resolved" });
    await scene.clock.advance(60_000); // its group is flushed while the receiver is away still
    scene.answer = () => 200;
    await scene.clock.advance(60_000);
    expect([...new Set(scene.requests)]).toStrictEqual(told);
    await scene.close();
  },
);

test("what a receiver may have heard is known after a run that closed", async () => {
  const scene = await NotifyScene.open({ answer: () => "silence" });
  await scene.write({ A: "firing" });
  await scene.clock.advance(1000);
  await scene.close();
  scene.crash();
  scene.answer = () => 503;
  await scene.start();
  await scene.write({ A: "resolved" });
  scene.answer = () => 200;
  await scene.clock.advance(60_000);
  expect(scene.requests.at(-1)).toBe("ops: resolved A");
  await scene.close();
});

test("a reload in the middle of a request leaves no receiver with a wrong belief", async () => {
  const scene = await NotifyScene.open({ answer: () => "silence" });
  await scene.write({ A: "firing" });
  await scene.clock.advance(100); // the receiver has it, its answer is on the way
  scene.answer = () => 503;
  scene.config = routing(EVERY_ALERT, [hook("ops", {}, "http://new/")]);
  await scene.configure();
  await scene.write({ A: "resolved" });
  await scene.clock.advance(5000);
  scene.answer = () => 200;
  await scene.clock.advance(60_000);
  expect(scene.requests.at(-1)).toBe("new: resolved A");
  await scene.close();
});

test("messages that were taken and could not be noted, many at once, are not taken for unsent", async () => {
  const scene = await NotifyScene.open();
  const names = ["A", "B", "C", "D"];
  scene.answer = () => {
    scene.disk.isFull = true;
    return 200;
  };
  await scene.write(Object.fromEntries(names.map((name) => [name, "firing" as const])));
  scene.answer = () => 503;
  scene.disk.isFull = false;
  await scene.write(Object.fromEntries(names.map((name) => [name, "resolved" as const])));
  await scene.clock.advance(20_000);
  scene.answer = () => 200;
  await scene.clock.advance(60_000);
  const ends = scene.requests.filter((one) => one.includes("resolved"));
  expect([...new Set(ends)].toSorted()).toStrictEqual(names.map((name) => `ops: resolved ${name}`));
  expect(scene.total("collapsed")).toBe(0);
  await scene.close();
});

test("many messages that fail at once are one failure", async () => {
  const root = route({ groupIntervalMs: 3_600_000 });
  const scene = await NotifyScene.open({ config: routing(root, [hook("ops")]), answer: () => 503 });
  await scene.post(...Array.from({ length: 30 }, (_, i) => ({ labels: LABELS(`a${i}`) })));
  await scene.clock.advance(150);
  scene.answer = () => 200;
  await scene.clock.advance(1000);
  expect(scene.total("delivered")).toBe(30);
  await scene.close();
});

test("what is acknowledged for days is not told anew, and its end is", async () => {
  const root = route({ groupIntervalMs: 600_000, repeatIntervalMs: 3_600_000 });
  const scene = await NotifyScene.open({ config: routing(root, [hook("ops")]) });
  await scene.write({ A: "firing" });
  await scene.table.acknowledge(() => true, { createdBy: "ann", comment: "on it" });
  await scene.clock.advance(36 * 3_600_000);
  scene.crash();
  await scene.start();
  await scene.clock.advance(36 * 3_600_000);
  expect(scene.requests).toStrictEqual(["ops: firing A"]);
  await scene.write({ A: "resolved" });
  await scene.clock.advance(600_000);
  expect(scene.requests).toStrictEqual(["ops: firing A", "ops: resolved A"]);
  await scene.close();
});

test("an alert that ends while its beginning is being sent is told to end", async () => {
  const config = routing(route({ groupBy: [] }), [hook("ops")]);
  const scene = await NotifyScene.open({ config });
  let takesMs = 3000;
  scene.delay = () => scene.clock.sleep(takesMs);
  await scene.write({ A: "firing", B: "firing" });
  await scene.clock.advance(500);
  await scene.write({ A: "resolved" });
  await scene.clock.advance(3000);
  takesMs = 0;
  await scene.clock.advance(5000);
  expect(scene.requests).toStrictEqual(["ops: firing A,B", "ops: firing B resolved A"]);
  await scene.close();
});
