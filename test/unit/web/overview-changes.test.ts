import fc from "fast-check";
import { expect, test } from "vitest";
import { changed, changeOf } from "../../../aggregator/web/overview-changes.ts";
import {
  type AlertColumns,
  NODE_STATES,
  type Overview,
  POINT_EVERY_MS,
  POINTS,
  TRACED,
  type Traces,
} from "../../../aggregator/web/overview-shape.ts";

const figure = fc.option(fc.integer({ min: 0, max: 4 }), { nil: null });

const alerts = fc
  .array(fc.tuple(fc.string(), fc.integer({ min: 0, max: 3 })), { maxLength: 3 })
  .map(
    (rows): AlertColumns => ({
      total: rows.length,
      fingerprint: rows.map(([name]) => name),
      labels: rows.map(([name]) => ({ alertname: name })),
      summary: rows.map(() => "s"),
      description: rows.map(() => ""),
      startsAtMs: rows.map(([, time]) => time),
      silencedBy: rows.map(([, time]) => (time === 0 ? ["id"] : [])),
      silencedUntilMs: rows.map(() => 0),
      inhibitors: rows.map(() => 0),
      acknowledgedBy: rows.map(() => ""),
    }),
  );

const services = fc.array(figure, { maxLength: 2 }).map((column) => ({
  ...{ total: column.length, name: column.map((_, i) => `s${i}`) },
  ...{ requestsPerSecond: column, errorRatio: column, latencySeconds: column },
  alerts: column.map(() => 0),
}));
const changes = fc.array(
  fc.record({
    ...{ timeMs: fc.nat(3), kind: fc.constantFrom("start" as const, "oom" as const) },
    ...{ node: fc.constant("n0"), name: fc.constant("c"), image: fc.constant("i") },
    ...{ before: fc.constant(""), count: fc.nat(2) },
  }),
  { maxLength: 3 },
);
const others = fc.record({ alerts, services, changes });

function nodesOf(count: number) {
  const column = fc.array(figure, { minLength: count, maxLength: count });
  return fc.record({
    name: fc.constant(Array.from({ length: count }, (_, i) => `n${i}`)),
    state: fc.array(fc.constantFrom(...NODE_STATES), { minLength: count, maxLength: count }),
    sinceMs: fc.array(fc.nat(3), { minLength: count, maxLength: count }),
    ...{ cpu: column, memory: column, disk: column, network: column, load: column },
  });
}

function tracesOf(count: number, minute: number): Traces {
  const column = Array.from({ length: count * POINTS }, (_, i) => {
    const back = POINTS - 1 - (i % POINTS);
    return minute - back <= 0 ? null : minute - back + Math.floor(i / POINTS);
  });
  const traces = { endMs: minute * POINT_EVERY_MS } as Traces;
  for (const name of TRACED) traces[name] = column;
  return traces;
}

const pair = fc.nat(4).chain((count) =>
  fc
    .tuple(nodesOf(count), nodesOf(count), others, others, fc.boolean())
    .map(([first, second, before, after, isMinute]): [Overview, Overview] => {
      const traces = tracesOf(count, 5);
      return [
        { seq: 7, timeMs: 1000, nodes: first, traces, ...before },
        {
          ...{ seq: 8, timeMs: 3000, nodes: second, ...after },
          traces: isMinute ? tracesOf(count, 6) : traces,
        },
      ];
    }),
);

test("the old overview and the change, sent as JSON, make the new one", () => {
  fc.assert(
    fc.property(pair, ([before, after]) => {
      const sent = JSON.parse(JSON.stringify(changeOf(before, after)));
      expect(changed(before, sent)).toEqual(after);
    }),
  );
});

test("what has not changed is not sent", () => {
  const [overview] = fc.sample(pair, { numRuns: 1, seed: 1 })[0] ?? [];
  if (overview === undefined) throw new Error("no sample");
  expect(changeOf(overview, { ...overview, seq: 9, timeMs: 5 })).toEqual({ seq: 9, timeMs: 5 });
});

test.each([
  ["another node", (one: Overview) => ({ ...one, nodes: { ...one.nodes, name: ["x"] } })],
  ["two minutes at once", (one: Overview) => ({ ...one, traces: tracesOf(2, 7) })],
])("%s has the overview read anew", (_, next) => {
  const nodes = fc.sample(nodesOf(2), { numRuns: 1, seed: 2 })[0];
  const none = fc.sample(others, { numRuns: 1, seed: 3 })[0];
  if (nodes === undefined || none === undefined) throw new Error("no sample");
  const overview = { seq: 1, timeMs: 1, nodes, traces: tracesOf(2, 5), ...none };
  expect(changeOf(overview, next(overview))).toBeNull();
});
