import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createAlertsService } from "../../aggregator/api/alerts-service.ts";
import { startGrpcServer } from "../../aggregator/api/grpc-server.ts";
import { createLogsService } from "../../aggregator/api/logs-service.ts";
import { PatternsApi } from "../../aggregator/api/patterns-api.ts";
import { patternsHandler } from "../../aggregator/api/patterns-service.ts";
import { createQueryService } from "../../aggregator/api/query-service.ts";
import { createServicesService } from "../../aggregator/api/services-service.ts";
import { createTargetsService } from "../../aggregator/api/targets-service.ts";
import { PatternHistory } from "../../aggregator/logs/patterns/pattern-history.ts";
import { PatternTable } from "../../aggregator/logs/patterns/pattern-table.ts";
import { patternsPort } from "../../aggregator/pattern-port.ts";
import { runCli } from "../../cli/program.ts";
import { spanOf } from "../../shared/model/byte-span.ts";
import { labelsOf } from "../../shared/model/labels.ts";
import { openLevelStore } from "../../shared/platform/level-store.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { directoryForTest } from "../support/directory-for-test.ts";
import { MemoryLines } from "../support/memory-lines.ts";
import { createApiBed } from "./api-bed.ts";

/** 2026-01-06T12:00:00Z, in seconds. */
const NOON = 1_767_700_800;
const MINUTE_US = 60_000_000;
const SHOP = labelsOf({ service: "shop" });
const NGINX = labelsOf({ service: "nginx" });
const LIMITS = { cacheBytes: 1024 ** 2, writeBufferBytes: 1024 ** 2 };

async function start(directory: string) {
  const bed = createApiBed();
  const deps = { clock: nodeClock, logger: bed.logger, metrics: new Metrics() };
  const table = new PatternTable(deps);
  const store = await openLevelStore(
    join(directory, "logs"),
    LIMITS,
    () => {},
    async (level) => {
      await table.load(level);
      return level as KeyValueStore;
    },
  );
  const history = new PatternHistory(table, store);
  const patterns = patternsHandler(new PatternsApi(patternsPort(history), nodeClock), bed.logger);
  const server = await startGrpcServer(
    {
      ingest: { Stream: () => {} },
      query: createQueryService(bed.api, bed.logger),
      services: createServicesService(bed.api, bed.logger),
      logs: createLogsService(new MemoryLines().api, bed.logger, patterns),
      alerts: createAlertsService(bed.alerts, nodeClock, bed.logger),
      targets: createTargetsService(bed.api, bed.logger),
      clock: nodeClock,
      access: null,
    },
    { host: "127.0.0.1", port: 0 },
  );
  const stop = async () => {
    await server[Symbol.asyncDispose]();
    await store.close();
  };
  return { table, store, server, stop };
}

async function runPatterns(server: string, ...args: string[]) {
  const said = { output: "", errors: "" };
  const code = await runCli(["logs", "patterns", ...args, "--server", server], {
    write: (text) => {
      said.output += text;
    },
    writeError: (text) => {
      said.errors += text;
    },
    isInteractive: false,
    environment: {},
    nowMs: () => (NOON + 1800) * 1000,
  });
  return { code, ...said };
}

test("patterns are shown with their counts, trends and times, also after a restart", async () => {
  const directory = directoryForTest();
  const first = await start(directory);
  for (let minute = 0; minute < 30; minute += 1) {
    const timeUs = NOON * 1e6 + minute * MINUTE_US;
    first.table.take(SHOP, spanOf(`order ${minute} paid in ${minute % 7} ms`), timeUs);
    first.table.take(NGINX, spanOf(`GET /items/${minute} failed`), timeUs);
    if (minute % 10 === 3) first.table.take(SHOP, spanOf("cache is cold"), timeUs);
    await first.store.batch(first.table.changes(), { sync: true });
    first.table.settled(true);
  }
  await first.stop();
  const { server, stop } = await start(directory);
  onTestFinished(stop);
  const shop = await runPatterns(server.address, '{service="shop"}');
  expect(shop).toMatchObject({ code: 0, errors: "" });
  const lines = shop.output.split("\n");
  expect(lines[0]).toMatch(/^COUNT +SHARE +TREND +FIRST +LAST +PATTERN$/);
  expect(lines[1]).toMatch(
    /^ +30 +90\.9 % +[▁▂▃▄▅▆▇█ ]+ +30m ago +1m ago +order <\*> paid in <\*>$/,
  );
  expect(lines[2]).toMatch(/^ +3 +9\.1 % +[▁▂▃▄▅▆▇█ ]+ +27m ago +7m ago +cache is cold$/);
  expect(lines[3]).toBe("33 lines in 2 patterns; one bar: 5m or more");
  const json = await runPatterns(server.address, "--since", "20m", "-n", "1", "--output", "json");
  const answer = JSON.parse(json.output);
  expect(answer).toMatchObject({ lines: 42, patternCount: 3, stepMs: 300_000 });
  expect(answer.start).toBe("2026-01-06T12:10:00Z");
  expect(answer.patterns).toHaveLength(1);
  expect(answer.patterns[0]).toMatchObject({ count: 20, counts: [5, 5, 5, 5, 0] });
  expect(answer.patterns[0].id).toMatch(/^[0-9a-f]{16}$/);
});

test.each([
  [["{service="], 'invalid parameter "selector"'],
  [['{service="a"}', "--file", "x"], "exclude each other"],
  [["--limit", "0"], "it is a number from 1 to 5000"],
])("%j is refused: %s", async (args, expected) => {
  const { server, stop } = await start(directoryForTest());
  onTestFinished(stop);
  const { code, errors } = await runPatterns(server.address, ...args);
  expect(code).toBeGreaterThan(0);
  expect(errors).toContain(expected);
});

test("a file is grouped without an aggregator, each line with the id of its pattern", async () => {
  const file = join(directoryForTest(), "some.log");
  writeFileSync(file, "disk 1 is full\nall is well\ndisk 2 is full\n");
  const nowhere = "127.0.0.1:1";
  const table = await runPatterns(nowhere, "--file", file, "--limit", "1");
  expect(table).toMatchObject({ code: 0, errors: "" });
  expect(table.output).toBe(
    [
      "COUNT   SHARE  PATTERN",
      "    2  66.7 %  disk <*> is full",
      "3 lines in 2 patterns, of which 1 are shown\n",
    ].join("\n"),
  );
  const { output } = await runPatterns(nowhere, "--file", file, "--output", "json");
  const said = output
    .trimEnd()
    .split("\n")
    .map((text) => JSON.parse(text));
  const ids = said.slice(0, 3).map(({ pattern }) => pattern);
  expect(ids[0]).toBe(ids[2]);
  expect(said.slice(3)).toEqual([
    { pattern: ids[0], template: "disk <*> is full", count: 2 },
    { pattern: ids[1], template: "all is well", count: 1 },
  ]);
});
