import fc from "fast-check";
import { expect, test } from "vitest";
import type { MetricVisitor } from "../../../agent/receive/otlp/metric-point.ts";
import { readProtobufLogs } from "../../../agent/receive/otlp/protobuf-logs.ts";
import { readProtobufMetrics } from "../../../agent/receive/otlp/protobuf-metrics.ts";
import { type Field, field, fixed64, integer, varint } from "../../support/proto-writer.ts";

/** What a request says, as texts. */
function told(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  const visitor: MetricVisitor = {
    resource: (attributes) => lines.push(`resource ${JSON.stringify(attributes)}`),
    scope: ({ name, version }) => lines.push(`scope ${name} ${version}`),
    metric: ({ name, unit, kind, temporality, isMonotonic }) =>
      lines.push(`${kind} ${name} ${unit} ${temporality} ${isMonotonic}`),
    point: (point, attributes) => {
      const { timeMs, startMs, value, count, sum, bounds, counts, scale, positive } = point;
      const numbers = { timeMs, startMs, value, count, sum, bounds, counts, scale, positive };
      lines.push(JSON.stringify([numbers, attributes().map(([k, v]) => [k, String(v)])]));
    },
  };
  readProtobufMetrics(bytes, visitor);
  return lines;
}

const text = (key: string, value: string) => [field(1, key), field(2, [field(1, value)])];
const request = (...fields: Field[]) => Buffer.concat([field(1, fields)]);
const metricOf = (...fields: Field[]) => request(field(2, [field(2, fields)]));

const POINT = [fixed64(2, 1_000_000), fixed64(3, 2_000_000), fixed64(6, -5)];
const COUNTER = [
  field(1, "a"),
  field(3, "s"),
  field(7, [integer(2, 2), integer(3, 1), field(1, POINT)]),
];

test("what stands last is known first", () => {
  const scope = [field(2, COUNTER), field(1, [field(1, "lib"), field(2, "1")])];
  const bytes = request(field(2, scope), field(1, [field(1, text("service.name", "shop"))]));
  expect(told(bytes)).toEqual([
    'resource [["service.name","shop"]]',
    "scope lib 1",
    "sum a s cumulative true",
    expect.stringContaining('{"timeMs":2,"startMs":1,"value":-5,'),
  ]);
});

test("values of every kind are attributes, also where they lie apart", () => {
  const values = [
    field(7, [field(1, "b"), field(2, [integer(2, 1)])]),
    fixed64(3, 5_000_000),
    field(7, [field(1, "i"), field(2, [integer(3, -7)])]),
    field(7, [field(1, "big"), field(2, [integer(3, 2n ** 63n - 1n)])]),
    field(7, [field(1, "d"), field(2, [field(4, 0.5)])]),
    field(7, [field(1, "list"), field(2, [field(5, [field(1, [field(1, "x")])])])]),
  ];
  const [, , , point] = told(metricOf(field(1, "g"), field(5, [field(1, values)])));
  expect(point).toContain(
    '[["b","true"],["i","-7"],["big","9223372036854775807"],["d","0.5"],["list","x"]]',
  );
});

test("lists of numbers may be packed or not, and unknown fields are left out", () => {
  const packed = (number: number, list: readonly bigint[]) =>
    field(number, Buffer.concat(list.map((one) => fixed64(1, one).subarray(1))));
  const bounds = [field(7, 0.5), field(7, 1)];
  const one = [packed(6, [1n, 2n, 3n]), ...bounds, fixed64(4, 6), field(99, "?"), integer(98, 1)];
  const other = [fixed64(6, 1), fixed64(6, 2), fixed64(6, 3), ...bounds, fixed64(4, 6)];
  const points = [field(1, one), field(1, other), integer(2, 1)];
  const [, , head, a, b] = told(metricOf(field(1, "h"), field(9, points), field(77, "?")));
  expect(head).toBe("histogram h  delta false");
  expect(a).toContain('"count":6,"sum":null,"bounds":[0.5,1],"counts":[1,2,3]');
  expect(b).toBe(a);
});

test("an exponential histogram has its scale and offset", () => {
  const positive = field(8, [integer(1, 5), field(2, Buffer.concat([varint(1), varint(300)]))]);
  const point = [
    Buffer.concat([varint(6 * 8), varint(3)]),
    positive,
    fixed64(4, 301),
    field(5, 1.5),
  ];
  const [, , , line] = told(metricOf(field(1, "e"), field(10, [field(1, point), integer(2, 2)])));
  expect(line).toContain('"count":301,"sum":1.5');
  expect(line).toContain('"scale":-2,"positive":{"offset":-3,"counts":[1,300]}');
});

function nested(depth: number): Field {
  let value: Field[] = [field(1, "x")];
  for (let i = 0; i < depth; i += 1) value = [field(5, [field(1, value)])];
  return field(7, [field(1, "deep"), field(2, value)]);
}

test.each<[string, Uint8Array, RegExp]>([
  ["that is cut off", request(field(2, [field(2, COUNTER)])).subarray(0, 20), /cut off/],
  ["with a field 0", Buffer.of(0, 0), /number 0/],
  ["with groups", Buffer.of(0x0b), /wire type 3/],
  ["with an endless number", Buffer.of(0x10, ...Array(12).fill(0xff)), /longer than 10/],
  ["longer than it is", Buffer.of(0x0a, 0xff, 0xff, 0xff, 0x7f), /cut off/],
  ["with text that is not UTF-8", metricOf(field(1, Buffer.of(0xff))), /not UTF-8/],
  ["nested without end", metricOf(field(1, "g"), field(5, [field(1, [nested(2000)])])), /nested/],
  ["with a number as a message", Buffer.of(0x08, 1), /wire type 0/],
])("a request %s is refused", (_, bytes, reason) => {
  expect(() => told(bytes)).toThrow(reason);
});

test("what is depth enough is read", () => {
  expect(told(metricOf(field(1, "g"), field(5, [field(1, [nested(8)])]))).at(-1)).toContain("deep");
});

test("whatever is done to a request, it is read or refused", () => {
  const whole = metricOf(
    field(1, "g"),
    field(5, [field(1, [nested(3), ...POINT])]),
    ...COUNTER,
    field(9, [field(1, [field(7, 1), fixed64(6, 1), fixed64(6, 2)])]),
  );
  const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
  const ignore = { resource: () => {}, scope: () => {}, record: () => {} };
  fc.assert(
    fc.property(fc.array(change, { maxLength: 6 }), fc.nat(whole.length), (changes, length) => {
      const bytes = Buffer.from(whole.subarray(0, length));
      for (const [at, to] of changes) bytes[at] = to;
      for (const read of [() => told(bytes), () => readProtobufLogs(bytes, ignore)]) {
        try {
          read();
        } catch (error) {
          expect(error).toMatchObject({ name: "OperationalError", code: "PARSE" });
        }
      }
    }),
    { numRuns: 1000 },
  );
});

test("a thing has so many attributes, and a request so many points", () => {
  const many = (count: number) => Array.from({ length: count }, () => field(7, []));
  expect(() => told(metricOf(field(5, [field(1, many(1001))])))).toThrow(
    "More than 1000 attributes",
  );
  expect(told(metricOf(field(5, [field(1, many(1000))]))).length).toBe(4);
});
