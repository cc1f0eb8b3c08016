import { expect, test } from "vitest";
import { labelsOf } from "../../../shared/model/labels.ts";
import { hook, route, routing } from "../../support/notify-routing.ts";
import { NotifyScene } from "./notify-scene.ts";

const ALERTS = 600;

/** Each alert is a group of its own, and due at once. */
async function openScene(): Promise<NotifyScene> {
  const config = routing(route({ groupIntervalMs: 3_600_000 }), [hook("ops")]);
  return await NotifyScene.open({ config, entriesMax: 10_000 });
}

async function postAll(scene: NotifyScene): Promise<void> {
  const names = Array.from({ length: ALERTS }, (_, i) => `a${i}`);
  await scene.post(...names.map((alertname) => ({ labels: labelsOf({ alertname }) })));
}

test("of many notifications 32 are under way at a time", async () => {
  const scene = await openScene();
  scene.delay = () => scene.clock.sleep(1000);
  await postAll(scene);
  expect(scene.requests).toHaveLength(32);
  await scene.clock.advance(1000);
  expect(scene.requests).toHaveLength(64);
  await scene.clock.advance(60_000);
  expect(scene.requests).toHaveLength(ALERTS);
  expect(new Set(scene.requests).size).toBe(ALERTS);
  await scene.close();
});

test("a disk that is slow to sync holds up 256 notifications, not 32, and each is told once", async () => {
  const scene = await openScene();
  const releases: (() => void)[] = [];
  scene.answer = () => {
    if (releases.length === 0) releases.push(scene.disk.hangSync());
    return 200;
  };
  await postAll(scene);
  await scene.clock.advance(1000);
  expect(scene.requests).toHaveLength(256);
  expect(scene.total("delivered")).toBe(0);
  for (const release of releases) release();
  await scene.clock.advance(1000);
  expect(scene.requests).toHaveLength(ALERTS);
  expect(new Set(scene.requests).size).toBe(ALERTS);
  expect(scene.total("delivered")).toBe(ALERTS);
  await scene.close();
});

test("those that are delivered at the same moment are one line of the log", async () => {
  const scene = await openScene();
  await postAll(scene);
  await scene.clock.advance(1000);
  const lines = scene.logger.messages("info").filter((one) => one === "notifications delivered");
  expect(scene.total("delivered")).toBe(ALERTS);
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.length).toBeLessThan(ALERTS / 10);
  await scene.close();
});
