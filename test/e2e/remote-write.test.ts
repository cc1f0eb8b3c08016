import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { Bed, eventually } from "../support/programs.ts";
import { hasPrometheus, startPrometheus } from "../support/prometheus.ts";

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
