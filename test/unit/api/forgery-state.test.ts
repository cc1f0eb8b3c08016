import { expect, test } from "vitest";
import { forgeryOf } from "../../../aggregator/api/forgery-state.ts";
import { changesState } from "../../../aggregator/api/permission-state.ts";

test.each([
  ["a program says nothing of where it is", {}, null],
  ["our own page", { origin: "http://tt:7071", "sec-fetch-site": "same-origin" }, null],
  ["our own page, without the newer header", { origin: "http://tt:7071" }, null],
  [
    "our own page, behind a proxy that says another host",
    { origin: "https://monitor.example", "sec-fetch-site": "same-origin" },
    null,
  ],
  [
    "our own page's socket, behind a proxy that says which host was asked",
    { origin: "https://monitor.example", "x-forwarded-host": "monitor.example" },
    null,
  ],
  ["another site", { origin: "https://evil.example", "sec-fetch-site": "cross-site" }, "site"],
  ["another site, without the newer header", { origin: "https://evil.example" }, "origin"],
  ["another port of the host", { origin: "http://tt:80" }, "origin"],
  ["a page that has no origin", { origin: "null" }, "origin"],
  ["a site beside ours", { "sec-fetch-site": "same-site" }, "site"],
])("%s", (_, headers, refusal) => {
  const problem = forgeryOf({ host: "TT:7071", ...headers });
  expect(problem === null ? null : problem.split(" ").at(-1)).toBe(refusal);
});

test.each([
  ["POST", "/api/v2/silences", true],
  ["DELETE", "/api/v2/silence/:id", true],
  ["GET", "/api/v2/silences", false],
  ["POST", "/api/telltale/v1/acknowledgements", true],
  ["POST", "/session", true],
  ["GET", "/session", false],
  ["POST", "/-/reload", true],
  ["POST", "/loki/api/v1/push", true],
  ["POST", "/api/v1/query_range", false],
  ["POST", "/loki/api/v1/query", false],
])("%s %s changes something: %s", (method, pattern, changes) => {
  expect(changesState(method, pattern)).toBe(changes);
});
