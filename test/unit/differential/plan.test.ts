import { expect, test } from "vitest";
import {
  END_MAX_S,
  END_MIN_S,
  ROUND_S,
  START_MAX_S,
  START_MIN_S,
} from "../../differential/alert-plan.ts";
import { makePlan, type Plan } from "../../differential/plan.ts";
import type { RoutePlan } from "../../differential/routing-plan.ts";

const SECONDS = 90;
const NOW_MS = Date.parse("2026-11-30T10:00:20Z");
const PLANS = Array.from({ length: 100 }, (_, seed) => makePlan(seed, SECONDS, NOW_MS));

const routesOf = (route: RoutePlan): RoutePlan[] => [
  route,
  ...(route.routes ?? []).flatMap(routesOf),
];
const depthOf = (route: RoutePlan): number =>
  Math.max(0, ...(route.routes ?? []).map((child) => 1 + depthOf(child)));

type Stretch = { readonly fromS: number; untilS: number };

/** By labels: when each alert of a plan fires. */
function firingTimes({ alerts, routing }: Plan): Map<string, Stretch[]> {
  const timeoutS = Number.parseInt(routing.global.resolve_timeout, 10);
  const stretchesBy = new Map<string, Stretch[]>();
  for (const { atS, alert } of alerts) {
    const key = JSON.stringify(alert.labels);
    const stretches = stretchesBy.get(key) ?? [];
    stretchesBy.set(key, stretches);
    const last = stretches.at(-1);
    const endS = alert.endS ?? atS + timeoutS;
    if (last !== undefined && last.untilS > atS) last.untilS = endS;
    else if (endS > atS) stretches.push({ fromS: atS, untilS: endS });
  }
  return stretchesBy;
}

test("a seed gives the same plan each time, and another seed another one", () => {
  expect(makePlan(7, SECONDS, NOW_MS)).toEqual(PLANS[7]);
  expect(PLANS[8]).not.toEqual(PLANS[7]);
});

test("alerts come at full seconds, far from every flush, but for one that began long ago", () => {
  for (const { alerts, silences } of PLANS) {
    const between = alerts.filter(({ atS }) => !Number.isInteger(atS));
    expect(
      between.map(({ atS, alert }) => [(atS % 1).toFixed(2), alert.labels["severity"]]),
    ).toEqual([["0.33", "info"]]);
    for (const { atS } of silences) expect(Number.isInteger(atS)).toBe(true);
    for (const { atS } of [...alerts, ...silences]) {
      expect(atS).toBeGreaterThanOrEqual(START_MIN_S);
      expect(atS).toBeLessThan(SECONDS);
    }
  }
});

test("in each round alerts begin before any ends, but for one that flaps beside a twin", () => {
  let flaps = 0;
  for (const plan of PLANS) {
    const times = firingTimes(plan);
    for (const [labels, stretches] of times) {
      for (const { fromS, untilS } of stretches) {
        expect(fromS % ROUND_S).toBeGreaterThanOrEqual(START_MIN_S);
        expect(fromS % ROUND_S).toBeLessThanOrEqual(START_MAX_S);
        if (untilS >= SECONDS) continue;
        const isFlap = untilS % ROUND_S < END_MIN_S;
        if (!isFlap) expect(untilS % ROUND_S).toBeLessThanOrEqual(END_MAX_S + 1);
        else {
          flaps += 1;
          const twin = times.get(labels.replace('"replica":"1"', '"replica":"0"')) ?? [];
          expect(twin.some((one) => one.fromS < untilS && one.untilS > untilS)).toBe(true);
          expect(twin).not.toBe(stretches);
          expect(JSON.stringify(plan.routing.route)).not.toContain('"..."');
        }
      }
    }
  }
  expect(flaps).toBeGreaterThan(20);
});

test("an end that nobody saw the beginning of comes in the time of ends", () => {
  const seen = PLANS.flatMap((plan) => {
    const times = firingTimes(plan);
    return plan.alerts.filter(({ atS, alert }) => {
      const stretches = times.get(JSON.stringify(alert.labels)) ?? [];
      return (
        alert.endS === atS && !stretches.some(({ fromS, untilS }) => fromS < atS && untilS >= atS)
      );
    });
  });
  expect(seen.length).toBeGreaterThan(20);
  for (const { atS } of seen) expect(atS % ROUND_S).toBeGreaterThanOrEqual(END_MIN_S);
});

test("siblings have matchers of their own, and no tree is deeper than three", () => {
  const depths = PLANS.map(({ routing }) => depthOf(routing.route));
  expect([Math.min(...depths), Math.max(...depths)]).toEqual([1, 3]);
  for (const { routing } of PLANS) {
    for (const { routes = [] } of routesOf(routing.route)) {
      const keys = routes.map(({ matchers, match, match_re }) =>
        JSON.stringify([matchers, match, match_re]),
      );
      expect(new Set(keys).size).toBe(keys.length);
    }
  }
});

test("twenty plans show everything that decides on a notification", () => {
  const text = JSON.stringify(PLANS.slice(0, 20).map(({ routing }) => routing));
  const wanted = [
    "continue",
    "match_re",
    '"match"',
    "mute_time",
    "active_time",
    "inhibit",
    "equal",
  ];
  const forms = ['=\\"', '!=\\"', '=~\\"', '!~\\"', '"group_by":[]', '"..."', '=\\"\\"'];
  for (const word of [...wanted, ...forms]) expect(text).toContain(word);
  expect(text).toMatch(/"sendsResolved":\[\w+,\w+/);
  expect(text).toMatch(/"sendsResolved":\[(true|false)?,?false/);
  expect(text).toContain('"sendsResolved":[]');
  const silences = PLANS.slice(0, 20).flatMap((plan) => plan.silences);
  expect(silences.some(({ silence }) => silence === null)).toBe(true);
  expect(silences.some(({ atS, silence }) => silence !== null && silence.startS > atS)).toBe(true);
});

test.each([
  ["2026-11-30T10:00:20Z", "10:02", "18:02"],
  ["2026-11-30T23:58:40Z", "24:00", "08:00"],
  ["2026-11-30T15:58:40Z", "16:00", "24:00"],
])("at %s, time intervals end and begin at %s, in Shanghai %s", (now, here, there) => {
  const [, , until, from, away] = makePlan(1, SECONDS, Date.parse(now)).routing.time_intervals;
  const times = (start: string, end: string) => [{ start_time: start, end_time: end }];
  expect(until).toMatchObject({ time_intervals: [{ times: times("00:00", here) }] });
  const begins = here === "24:00" ? "00:00" : here;
  expect(from).toMatchObject({ time_intervals: [{ times: times(begins, "24:00") }] });
  expect(away).toMatchObject({
    time_intervals: [{ times: times("00:00", there), location: "Asia/Shanghai" }],
  });
});
