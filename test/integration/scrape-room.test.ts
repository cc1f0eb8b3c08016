import { expect, test } from "vitest";
import { BodyRoom } from "../../agent/model/body-room.ts";
import { TargetBook, type TargetList } from "../../agent/model/target-book.ts";
import { foundConfig } from "../../agent/scrape/discovery/found-config.ts";
import { Scraper } from "../../agent/scrape/scraper.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { FRAME_BYTES_MAX } from "../../shared/wire/frame.ts";
import { FrameEncoder } from "../../shared/wire/frame-encoder.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { MemoryLogger } from "../support/memory-logger.ts";

/** An agent that scrapes two targets, of which one has so many series. */
function startScraper() {
  const pages = { "http://hog:80/metrics": "", "http://good:80/metrics": "good 1\n" };
  const book = new TargetBook();
  const targets: TargetList = book.open([]);
  const encoder = new FrameEncoder(1, { keyframeEvery: 60 });
  const clock = new FakeClock();
  const config = {
    ...foundConfig("app"),
    ...{ intervalMs: 2000, timeoutMs: 1000 },
    limits: { ...foundConfig("app").limits, samples: 0 },
    staticGroups: [{ targets: ["hog:80", "good:80"], labels: {} }],
  };
  const scraper = new Scraper([config], {
    ...{ clock, random: () => 0.25, logger: new MemoryLogger(), metrics: new Metrics() },
    ...{ sink: encoder, found: [], targets },
    getPage: async ({ url }) => {
      const body = Buffer.from(pages[url as keyof typeof pages]);
      return { status: 200, contentType: "text/plain; version=0.0.4", body };
    },
    bodies: new BodyRoom(),
    discovery: {
      files: { list: async () => [], mark: async () => null, read: async () => "" },
      get: async () => ({ status: 404, contentType: "", body: "" }),
    },
  });
  /** Two scrapes of both. Returns the size of the largest frame, and how the targets do. */
  const run = async (page: string) => {
    pages["http://hog:80/metrics"] = page;
    let bytesMax = 0;
    for (let i = 0; i < 4; i += 1) {
      await clock.advance(1000);
      scraper.tick();
      bytesMax = Math.max(bytesMax, encoder.encodeTick(clock.nowMs()).bytes.length);
    }
    const healths = [...targets.entries].map(({ health, error, leftOut }) => {
      return { health, error, leftOut };
    });
    return { bytesMax, hog: healths[0], good: healths[1] };
  };
  return { run, scraper };
}

/** So many series, in metrics of 40,000, whose values are no whole numbers. */
function pageOf(count: number, stamp = ""): string {
  const lines = Array.from({ length: count }, (_, i) => {
    return `a${Math.floor(i / 40_000)}{i="${i}"} 0.${i + 1}${stamp}\n`;
  });
  return lines.join("");
}

test("a target of 200,000 series is refused with the reason, and another goes on", async () => {
  const { run, scraper } = startScraper();
  const before = await run(pageOf(70_000));
  expect(before).toMatchObject({ hog: { health: "up" }, good: { health: "up" } });
  expect(before.bytesMax).toBeLessThan(FRAME_BYTES_MAX);
  const after = await run(pageOf(199_000));
  expect(after.hog?.health).toBe("down");
  expect(after.hog?.error).toMatch(/^199000 series are more than what is left/);
  expect(after.good).toMatchObject({ health: "up", error: "" });
  expect(after.bytesMax).toBeLessThan(FRAME_BYTES_MAX);
  expect((await run(pageOf(10))).hog?.health).toBe("up");
  scraper.close();
}, 30_000);

test("of a page with more samples with times of their own than there is room for, the rest is taken", async () => {
  const { run, scraper } = startScraper();
  const { hog, good } = await run(`plain 1\n${pageOf(21_000, " 1700000000000")}`);
  expect(hog).toEqual({
    health: "up",
    error: "",
    leftOut: [{ reason: "stamped", samples: 1000 }],
  });
  expect(good?.health).toBe("up");
  scraper.close();
}, 30_000);
