import { expect, test } from "vitest";
import { labelsOf } from "../../../shared/model/labels.ts";
import { hook, route, routing } from "../../support/notify-routing.ts";
import { NotifyScene } from "./notify-scene.ts";

const FLAPPING = { begins: 3, withinMs: 600_000, calmMs: 60_000 };

async function open(flapping: typeof FLAPPING | null = FLAPPING): Promise<NotifyScene> {
  const root = route({ groupIntervalMs: 1000, repeatIntervalMs: 86_400_000 });
  return await NotifyScene.open({ config: routing(root, [hook("ops")], { flapping }) });
}

/** Fires and ends so many times, 10 s each. */
async function flap(scene: NotifyScene, times: number): Promise<void> {
  for (let i = 0; i < times; i += 1) {
    await scene.write({ A: "firing" });
    await scene.clock.advance(10_000);
    await scene.write({ A: "resolved" });
    await scene.clock.advance(10_000);
  }
}

const TOLD_ONCE = ["ops: firing A", "ops: resolved A"];

test("an alert that begins again and again is told so once, and its end when it has been calm", async () => {
  const scene = await open();
  await flap(scene, 20);
  const first = [...TOLD_ONCE, ...TOLD_ONCE, "ops: firing A"];
  expect(scene.requests).toStrictEqual(first);
  await scene.clock.advance(49_000);
  expect(scene.requests).toStrictEqual(first);
  await scene.clock.advance(3000);
  expect(scene.requests).toStrictEqual([...first, "ops: resolved A"]);
  const marks = scene.notifications.map(({ alerts: [alert] }) =>
    JSON.stringify(alert?.annotations).includes("began 3 times or more within 10m"),
  );
  expect(marks).toStrictEqual([false, false, false, false, true, true]);
  expect(scene.table.dispatcher.known.size).toBe(0);
  await scene.close();
});

test("without the setting each beginning and end is told", async () => {
  const scene = await open(null);
  await flap(scene, 4);
  expect(scene.requests).toHaveLength(8);
  await scene.close();
});

test("one that goes on for long is told to end at once", async () => {
  const scene = await open();
  await flap(scene, 3);
  await scene.write({ A: "firing" });
  await scene.clock.advance(600_000);
  await scene.write({ A: "resolved" });
  await scene.clock.advance(2000);
  expect(scene.requests.slice(-2)).toStrictEqual(TOLD_ONCE);
  const [last] = scene.notifications.at(-1)?.alerts ?? [];
  const [told] = scene.notifications.at(-2)?.alerts ?? [];
  expect(last?.startsAtMs).toBe(told?.startsAtMs);
  await scene.close();
});

test("neither a kill nor a reload tells of an end that is held, and it comes in its time", async () => {
  const scene = await open();
  await flap(scene, 3);
  scene.crash();
  scene.requests.length = 0;
  await scene.start();
  await scene.clock.advance(20_000);
  await scene.configure();
  await scene.clock.advance(20_000);
  expect(scene.requests).toStrictEqual([]);
  await scene.write({ A: "firing" });
  await scene.clock.advance(5000);
  expect(scene.requests).toStrictEqual([]);
  await scene.write({ A: "resolved" });
  await scene.clock.advance(70_000);
  expect(scene.requests).toStrictEqual(["ops: resolved A"]);
  expect(scene.table.dispatcher.known.size).toBe(0);
  await scene.close();
});

test("a beginning that could not be stored is not counted twice", async () => {
  const scene = await open();
  await flap(scene, 1);
  scene.disk.isFull = true;
  for (let i = 0; i < 5; i += 1) {
    await scene.write({ A: "firing" }).catch(() => {});
    await scene.clock.advance(1000);
  }
  scene.disk.isFull = false;
  await scene.clock.advance(5000);
  await flap(scene, 1);
  expect(scene.requests).toStrictEqual([...TOLD_ONCE, ...TOLD_ONCE]);
  await scene.close();
});

test("of alerts that are posted, too; an end that is posted again does not hold it longer", async () => {
  const scene = await open();
  const labels = labelsOf({ alertname: "A" });
  const post = async (isOver: boolean, startsAtMs: number) => {
    const nowMs = scene.clock.nowMs();
    await scene.post({ labels, startsAtMs, endsAtMs: isOver ? nowMs : nowMs + 300_000 });
    await scene.clock.advance(5000);
  };
  for (let i = 0; i < 4; i += 1) {
    const startsAtMs = scene.clock.nowMs();
    await post(false, startsAtMs);
    await post(true, startsAtMs);
  }
  for (let i = 0; i < 12; i += 1) await post(true, scene.clock.nowMs() - 5000);
  expect(scene.requests).toStrictEqual([
    ...TOLD_ONCE,
    ...TOLD_ONCE,
    "ops: firing A",
    "ops: resolved A",
  ]);
  await scene.close();
});
