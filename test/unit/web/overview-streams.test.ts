import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import type { ChangeListener } from "../../../aggregator/web/overview-feed.ts";
import { OverviewStreams } from "../../../aggregator/web/overview-streams.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { metricTotal } from "../../support/metric-total.ts";

/** A page that takes what it is sent only when the test says so. */
class Page extends EventEmitter {
  text = "";
  writableLength = 0;
  isOpen = true;
  writeHead() {
    return this as never;
  }
  write(text: string) {
    this.text += text;
    this.writableLength += text.length;
    return true;
  }
  end(text = "") {
    this.write(text);
    return this.destroy();
  }
  destroy() {
    this.isOpen = false;
    this.emit("close");
    return this as never;
  }
}

function bed() {
  const listeners = new Set<ChangeListener>();
  const feed = {
    seq: 5,
    follow: (listener: ChangeListener) => {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  };
  const [metrics, clock] = [new Metrics(), new FakeClock()];
  const streams = new OverviewStreams(feed, { metrics, clock });
  const open = (after = 5, isAllowed = () => true) => {
    const page = new Page();
    streams.open(page as never, after, isAllowed);
    return page;
  };
  const tell = (text: string | null) => {
    for (const listener of listeners) listener(text, 6);
  };
  return { listeners, metrics, clock, streams, open, tell };
}

test("a reader that falls behind is cut off and counted, and the others go on", () => {
  const { open, tell, metrics, listeners } = bed();
  const [slow, fast] = [open(), open()];
  for (let i = 0; i < 40; i += 1) {
    fast.writableLength = 0;
    tell("x".repeat(10_000));
  }
  expect([slow.isOpen, fast.isOpen]).toEqual([false, true]);
  expect(slow.writableLength).toBeLessThan(300_000);
  expect(metricTotal(metrics, "telltale_page_streams_cut_total")).toBe(1);
  expect(metricTotal(metrics, "telltale_page_streams")).toBe(1);
  expect(listeners.size).toBe(1);
});

test("who has read another overview reads it anew, and so does everybody now and then", async () => {
  const { open, tell, clock } = bed();
  expect(open(4)).toMatchObject({ isOpen: false, text: "event: anew\ndata: \n\n" });
  expect(open(Number.NaN).isOpen).toBe(false);
  const page = open();
  tell("{}");
  expect(page.text).toContain("id: 6\ndata: {}\n\n");
  await clock.advance(900_000);
  tell("{}");
  expect(page).toMatchObject({
    isOpen: false,
    text: expect.stringMatching(/event: anew\ndata: \n\n$/),
  });
});

test("who may not ask any more is told nothing more", () => {
  const { open, tell } = bed();
  let isAllowed = true;
  const page = open(5, () => isAllowed);
  tell("{}");
  isAllowed = false;
  tell('{"secret":1}');
  expect(page).toMatchObject({
    isOpen: false,
    text: expect.stringMatching(/^(?!.*secret)[\s\S]*event: anew\ndata: \n\n$/),
  });
});

test("there is an end to how many pages are open, and all end with the aggregator", () => {
  const { open, streams, listeners } = bed();
  for (let i = 0; i < 500; i += 1) open();
  expect(streams.isFull).toBe(true);
  streams.close();
  expect([streams.isFull, listeners.size]).toEqual([false, 0]);
});
