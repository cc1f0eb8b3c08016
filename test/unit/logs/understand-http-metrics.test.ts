import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AccessLine } from "../../../aggregator/logs/understand/access-line.ts";
import { detectAccess } from "../../../aggregator/logs/understand/detect.ts";
import {
  HTTP_METRICS_DEFAULTS,
  HttpMetrics,
  type HttpMetricsLimits,
} from "../../../aggregator/logs/understand/http-metrics.ts";
import type { MetricRecord } from "../../../aggregator/logs/understand/metric-table.ts";
import { RouteReader } from "../../../aggregator/logs/understand/route.ts";
import {
  formatLabels,
  labelsKey,
  labelsOf,
  labelValue,
  withLabel,
} from "../../../shared/model/labels.ts";

function routeOf(path: string): string {
  const route = new RouteReader();
  const bytes = Buffer.from(`.${path}.`);
  route.read(bytes, 1, bytes.length - 1);
  return route.text();
}

const PIECES = ["/", "a", "users", "1234", "v1", ";", "%20", ".", "js", "?", "#", "-", "f00d", "é"];

describe("the route of a path", () => {
  test.each([
    ["/", "/"],
    ["/users", "/users"],
    ["/users/", "/users"],
    ["//users//all", "/users/all"],
    ["/users/42?page=2#top", "/users/:id"],
    ["/users/42/orders/7", "/users/:id/orders/:id"],
    ["/orders/3f2b8c1e-9d44-4f0a-8b7e-1c2d3e4f5a6b", "/orders/:id"],
    ["/blobs/deadbeef01", "/blobs/:id"],
    ["/facade/decade", "/facade/decade"],
    ["/api/v1/items", "/api/v1/items"],
    ["/api/v12/items", "/api/v12/items"],
    ["/order-12345", "/:id"],
    ["/2026-11-30/report", "/:id/report"],
    ["/files/a%20b", "/files/:id"],
    ["/mail/ada@example.org", "/mail/:id"],
    ["/token/eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "/token/:id"],
    ["/very-long-name-of-an-ordinary-page", "/very-long-name-of-an-ordinary-page"],
    ["/static/app.3f2a1b.JS", "/static/:file.js"],
    ["/favicon.ico", "/:file.ico"],
    ["/favicon.ico/", "/:file.ico"],
    ["/favicon.ico/;v=1", "/:file.ico"],
    ["/img.png/raw", "/img.png/raw"],
    ["/index.php", "/index.php"],
    ["/login;jsessionid=8A7B", "/login"],
    ["/a/b/c/d/e/f/g/h/i/j", "/a/b/c/d/e/f/g/h/*"],
    ["http://shop.example/users/9", "/users/:id"],
    ["https://shop.example", "/"],
    ["/straße", "/:id"],
    ["*", ""],
    ["shop.example:443", ""],
    ["", ""],
    [`/${"a".repeat(3000)}`, ""],
  ])("%s is %s", (path, route) => {
    expect(routeOf(path)).toBe(route);
  });

  test("of any path is that of its own route, and short", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }), (pieces) => {
        const route = routeOf(`/${pieces.join("")}`);
        expect(route.length).toBeLessThan(8 * 42 + 4);
        expect(routeOf(route.replaceAll(":id", "1").replaceAll(":file", "1"))).toBe(route);
      }),
    );
  });
});

function request(path: string, status = 200, durationS: number | null = null, method = "GET") {
  const rest = { protocol: "HTTP/1.1", bytes: null, remoteAddr: "::1" };
  return { method, path, status, durationS, ...rest } satisfies AccessLine;
}

function samplesOf(metrics: HttpMetrics): string[] {
  metrics.settle(true);
  const tables = [metrics.requests, metrics.durations];
  return tables
    .flatMap((table) => [...table.series()])
    .flatMap(({ labels, values }) =>
      labels.map((one, i) => `${formatLabels(withLabel(one, "instance", ""))} ${values[i]}`),
    )
    .sort();
}

const at = (service: string) => ({ instance: "n1", service });

function requestsOf(metrics: HttpMetrics): number {
  metrics.settle(true);
  return [...metrics.requests.series()].reduce((sum, { values }) => sum + (values[0] ?? 0), 0);
}

test("requests are counted by service, method, status and route, durations by bucket", () => {
  const metrics = new HttpMetrics();
  metrics.add(at("web"), request("/users/1", 200, 0.005));
  metrics.add(at("web"), request("/users/2?x", 200, 0.0051));
  metrics.add(at("web"), request("/users/2", 500, 20, "POST"));
  metrics.add(at("api"), request("/users/2", 204));
  const bucket = (le: string, count: number) =>
    `http_request_duration_seconds_bucket{le="${le}", route="/users/:id", service="web"} ${count}`;
  const rest = '{route="/users/:id", service="web"}';
  expect(samplesOf(metrics)).toEqual(
    [
      'http_requests_total{method="GET", route="/users/:id", service="api", status="204"} 1',
      'http_requests_total{method="GET", route="/users/:id", service="web", status="200"} 2',
      'http_requests_total{method="POST", route="/users/:id", service="web", status="500"} 1',
      bucket("0.005", 1), // an upper bound is in its bucket
      ...["0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10"].map((le) =>
        bucket(le, 2),
      ),
      bucket("+Inf", 3),
      `http_request_duration_seconds_count${rest} 3`,
      `http_request_duration_seconds_sum${rest} ${0.005 + 0.0051 + 20}`,
    ].sort(),
  );
});

describe("what is beyond a bound", () => {
  const few: HttpMetricsLimits = { servicesMax: 2, routesMax: 2, requestsMax: 6, durationsMax: 4 };

  test("counts under other", () => {
    const metrics = new HttpMetrics({ ...HTTP_METRICS_DEFAULTS, routesMax: 2, servicesMax: 1 });
    for (const path of ["/a", "/b", "/c", "/a"]) metrics.add(at("web"), request(path));
    metrics.add(at("api"), request("/a"));
    metrics.add(at("web"), request("/a", 200, null, "HACK"));
    expect(samplesOf(metrics)).toEqual([
      'http_requests_total{method="GET", route="/a", service="web", status="200"} 2',
      'http_requests_total{method="GET", route="/b", service="web", status="200"} 1',
      'http_requests_total{method="GET", route="other", service="other", status="200"} 1',
      'http_requests_total{method="GET", route="other", service="web", status="200"} 1',
      'http_requests_total{method="other", route="/a", service="web", status="200"} 1',
    ]);
  });

  test("guessed paths make no routes", () => {
    const metrics = new HttpMetrics();
    metrics.add(at("web"), request("/wp-login.php", 404));
    metrics.add(at("web"), request("/page"));
    metrics.add(at("web"), request("/page", 404));
    expect(samplesOf(metrics)).toEqual([
      'http_requests_total{method="GET", route="/page", service="web", status="200"} 1',
      'http_requests_total{method="GET", route="/page", service="web", status="404"} 1',
      'http_requests_total{method="GET", route="other", service="web", status="404"} 1',
    ]);
  });

  const anyRequest = fc.record({
    service: fc.constantFrom("web", "api", "db", "", "other"),
    path: fc.constantFrom("/a", "/b", "/c", "/d/1", "*", "/x.png"),
    status: fc.constantFrom(0, 200, 404, 500),
    method: fc.constantFrom("GET", "POST", "HACK"),
    durationS: fc.option(fc.double({ min: 0, max: 20, noNaN: true })),
  });
  const manyRequests = fc.array(anyRequest, { maxLength: 60, size: "max" });
  const limits = fc.constantFrom(few, HTTP_METRICS_DEFAULTS);

  test("every line counts once, whatever it is", () => {
    fc.assert(
      fc.property(manyRequests, limits, (requests, bounds) => {
        const metrics = new HttpMetrics(bounds);
        for (const { service, ...rest } of requests) {
          metrics.add(at(service), { ...request(""), ...rest });
        }
        expect(requestsOf(metrics)).toBe(requests.length);
        expect([...metrics.requests.labelSets()].length).toBeLessThanOrEqual(bounds.requestsMax);
        expect(metrics.requests.leftOut + metrics.durations.leftOut).toBe(0);
      }),
    );
  });

  test("a restart at any place changes nothing", () => {
    fc.assert(
      fc.property(manyRequests, fc.nat(60), limits, (requests, cut, bounds) => {
        const whole = new HttpMetrics(bounds);
        let parted = new HttpMetrics(bounds);
        const stored = new Map<string, MetricRecord>();
        requests.forEach(({ service, ...rest }, i) => {
          if (i === cut) parted = restored(stored, bounds);
          whole.add(at(service), { ...request(""), ...rest });
          parted.add(at(service), { ...request(""), ...rest });
          for (const table of [parted.requests, parted.durations]) {
            for (const record of table.changes()) {
              stored.set(`${table.family.name}\u0000${labelsKey(record.labels)}`, record);
            }
          }
        });
        expect(samplesOf(parted)).toEqual(samplesOf(whole));
        expect(samplesOf(restored(stored, bounds))).toEqual(samplesOf(whole));
      }),
    );
  });

  function restored(
    stored: ReadonlyMap<string, MetricRecord>,
    bounds: HttpMetricsLimits,
  ): HttpMetrics {
    const metrics = new HttpMetrics(bounds);
    for (const [name, record] of stored) {
      const table = name.startsWith("http_requests_total\u0000")
        ? metrics.requests
        : metrics.durations;
      expect(table.load(record)).toBe(true);
    }
    metrics.learnRoutes();
    return metrics;
  }
});

test("only what changed is given to the store", () => {
  const metrics = new HttpMetrics();
  metrics.add(at("web"), request("/a"));
  metrics.add(at("web"), request("/b"));
  expect(metrics.requests.changes().length).toBe(2);
  metrics.add(at("web"), request("/a"));
  expect(metrics.requests.changes()).toEqual([
    {
      labels: labelsOf({
        ...{ instance: "n1", method: "GET", route: "/a", service: "web", status: "200" },
      }),
      values: [2],
    },
  ]);
  expect(metrics.requests.changes()).toEqual([]);
});

test("two routes of one hash count apart", () => {
  const [one, other] = ["/fbz", "/bgsne"]; // the first two among 574,942 words
  expect(hashOf(one)).toBe(hashOf(other)); // where it changes, look for others
  const metrics = new HttpMetrics();
  for (const path of [one, other, one]) metrics.add(at("shop"), request(path));
  const counts = metrics.requests.changes().map(({ labels, values }) => {
    return [labelValue(labels, "route"), values[0]];
  });
  expect(counts).toEqual([
    [one, 2],
    [other, 1],
  ]);
});

/** What tells series apart: here for GET and status 200. */
function hashOf(path: string): number {
  const route = new RouteReader();
  const bytes = Buffer.from(path);
  route.read(bytes, 0, bytes.length);
  return route.hash(200 * 32 + 1);
}

test("lines of a server become its metrics", () => {
  const metrics = new HttpMetrics();
  const line =
    '::1 - - [30/Nov/2026:03:14:15 +0000] "GET /cart/17 HTTP/1.1" 200 5 "-" "curl" 0.250';
  const access = detectAccess(line);
  if (access !== null) metrics.add(at("shop"), access);
  expect(samplesOf(metrics)).toContain(
    'http_request_duration_seconds_bucket{le="0.25", route="/cart/:id", service="shop"} 1',
  );
});
