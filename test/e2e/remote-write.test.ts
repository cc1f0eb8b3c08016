import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { Bed, eventually, residentMiB } from "../support/programs.ts";
import { hasPrometheus, startPrometheus } from "../support/prometheus.ts";
import { hasVmagent, startVmagent } from "../support/vmagent.ts";
import { type SentSeries, snappyBlock, writeV1 } from "../support/write-requests.ts";

/** A page whose series come and go, with values of every kind. */
async function page(): Promise<string> {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked += 1;
    response.end(`# HELP jobs_total Jobs that were done.
# TYPE jobs_total counter
jobs_total ${asked * 7}
# TYPE odd gauge
odd{kind="nan"} NaN
odd{kind="inf"} -Inf
odd{kind="zero"} 0
odd{kind="small"} ${asked * 5e-324}
odd{kind="é",path="a\\\\b\\"c\\nd"} ${asked / 3}
${asked % 5 === 0 ? "" : `comes_and_goes ${asked}`}
`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type Matrix = { readonly metric: Record<string, string>; readonly values: [number, string][] }[];

/** All samples of the last minute before a time, by series. */
async function samples(url: string, selector: string, time: number) {
  const query = new URLSearchParams({ query: `${selector}[1m]`, time: String(time) });
  const response = await fetch(`${url}/api/v1/query?${query}`);
  const { data } = (await response.json()) as { readonly data: { readonly result: Matrix } };
  const key = ({ metric }: Matrix[number]) => JSON.stringify(Object.entries(metric).sort());
  return Object.fromEntries(data.result.map((one) => [key(one), one.values]));
}

test.skipIf(!hasPrometheus)(
  "what a Prometheus writes is here sample for sample, over kill -9 of the aggregator",
  async () => {
    await using bed = await Bed.open();
    let aggregator = await bed.startReadyAggregator();
    const own = `http://127.0.0.1:${bed.httpPort}`;
    const config = bed.write(
      "prometheus.yml",
      `global: { scrape_interval: 250ms, external_labels: { site: a } }
remote_write:
  - url: "${own}/api/v1/write"
    queue_config: { batch_send_deadline: 200ms, max_backoff: 500ms }
    metadata_config: { send_interval: 1s }
scrape_configs: [{ job_name: page, static_configs: [{ targets: ["${await page()}"] }] }]
`,
    );
    await using prometheus = await startPrometheus(config);
    for (let kills = 0; kills < 3; kills += 1) {
      await delay(2500);
      await aggregator.kill();
      await delay(500);
      aggregator = await bed.startReadyAggregator();
    }
    await delay(2000);
    const time = Date.now() / 1000;
    const selector = '{job="page"}';
    const expected = await samples(prometheus.url, selector, time);
    expect(Object.keys(expected).length).toBeGreaterThan(10);
    await eventually(async () => {
      const found = await samples(own, selector, time);
      return JSON.stringify(found).length >= JSON.stringify(expected).length;
    });
    const withSite = Object.fromEntries(
      Object.entries(expected).map(([labels, values]) => {
        const pairs = [...JSON.parse(labels), ["site", "a"]].sort();
        return [JSON.stringify(pairs), values];
      }),
    );
    expect(await samples(own, selector, time)).toEqual(withSite);
    const { data } = (await (await fetch(`${own}/api/v1/metadata?metric=jobs_total`)).json()) as {
      readonly data: unknown;
    };
    expect(data).toEqual({
      jobs_total: [{ type: "counter", help: "Jobs that were done.", unit: "" }],
    });
  },
);

test.skipIf(!hasVmagent)(
  "what a vmagent reads is here once and whole, over kill -9 of the aggregator",
  async () => {
    await using bed = await Bed.open();
    let aggregator = await bed.startReadyAggregator();
    const job = `{ job_name: page, static_configs: [{ targets: ["${await page()}"] }] }`;
    const config = bed.write(
      "scrape.yml",
      `global: { scrape_interval: 1s }\nscrape_configs: [${job}]\n`,
    );
    await using _vmagent = await startVmagent(
      config,
      `http://127.0.0.1:${bed.httpPort}/api/v1/write`,
    );
    const counts = async () => (await bed.samples("jobs_total[1h]")).map(([, value]) => value / 7);
    await eventually(async () => (await counts()).length >= 3, 60_000);
    await aggregator.kill();
    await delay(3000);
    aggregator = await bed.startReadyAggregator();
    await eventually(async () => (await counts()).length >= 12, 120_000);
    const found = await counts();
    expect(found).toEqual(found.map((_, i) => i + 1));
  },
);

test("10 million new series are refused beyond the limit, and the known ones go on", async () => {
  await using bed = await Bed.open();
  const config = bed.write(
    "aggregator.yaml",
    "remote_write_receiver: { series_max: 5000, request_bytes_max: 1MiB }\n",
  );
  const aggregator = await bed.startReadyAggregator([`--config=${config}`]);
  const send = async (body: Uint8Array) => {
    const response = await fetch(`http://127.0.0.1:${bed.httpPort}/api/v1/write`, {
      method: "POST",
      body,
    });
    return [response.status, await response.text()] as const;
  };
  const startMs = Date.now() - 60_000;
  const series = (i: number, timeMs = startMs): SentSeries => {
    return { labels: { __name__: "new", i: String(i) }, samples: [[timeMs, i]] };
  };
  const batch = (n: number) =>
    snappyBlock(writeV1(Array.from({ length: 5000 }, (_, i) => series(n * 5000 + i))));
  expect(await send(batch(0))).toEqual([204, ""]);
  const before = residentMiB(aggregator.child.pid);
  for (let n = 1; n <= 60; n += 1) {
    const [status, text] = await send(batch(n));
    expect([status, text]).toEqual([400, expect.stringContaining("series_max")]);
  }
  expect(residentMiB(aggregator.child.pid)).toBeLessThan(before + 200);
  expect(await send(snappyBlock(writeV1([series(1, startMs + 1000)])))).toEqual([204, ""]);
  expect(await bed.query("count(new)")).toEqual([[{}, 5000]]);
  expect((await send(snappyBlock(Buffer.of(1), 0xffffffff)))[0]).toBe(413);
  expect((await send(snappyBlock(Buffer.alloc(10), 1_000_000)))[0]).toBe(400);
  expect((await send(snappyBlock(writeV1([series(1, startMs)]))))[0]).toBe(204); // again
  expect((await send(snappyBlock(writeV1([series(1, startMs - 1)]))))[0]).toBe(400); // back in time
});
