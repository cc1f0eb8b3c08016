import { expect, test } from "vitest";
import { shownTarget, shownUrl } from "../../../agent/scrape/shown-target.ts";
import { labelsOf, labelsRecord } from "../../../shared/model/labels.ts";

test.each([
  ["http://app:80/metrics", "http://app:80/metrics"],
  ["https://me:s3cret@app/metrics", "https://app/metrics"],
  [
    "http://app/metrics?token=s3cret&module=http_2xx",
    "http://app/metrics?token=***&module=http_2xx",
  ],
  ["http://app/?collect%5B%5D=cpu&sig=a%3Db", "http://app/?collect[]=cpu&sig=***"],
  [
    "http://b/probe?target=https%3A%2F%2Fu%3Ap%40shop%2F%3Fkey%3D1",
    "http://b/probe?target=https://shop/?key=***",
  ],
  ["http://b/probe?target=u%3Ap%40shop%3A80", "http://b/probe?target=shop:80"],
  ["no URL with s3cret", "***"],
])("%s is shown as %s", (url, shown) => {
  expect(shownUrl(url)).toBe(shown);
});

test("labels that relabelling begins with are shown without what is secret in the URL", () => {
  const discovered = labelsOf({
    __address__: "u:s3cret@app:80",
    __meta_url: "http://u:s3cret@sd/targets?key=s3cret",
    __param_token: "s3cret",
    __param_module: "http",
    env: "prod",
  });
  const times = { intervalMs: 1000, timeoutMs: 1000 };
  const target = { key: "", job: "a", url: "http://a/", labels: [], discovered, ...times };
  expect(labelsRecord(shownTarget(target, false).discovered)).toEqual({
    __address__: "app:80",
    __meta_url: "http://sd/targets?key=***",
    __param_token: "***",
    __param_module: "http",
    env: "prod",
  });
});
