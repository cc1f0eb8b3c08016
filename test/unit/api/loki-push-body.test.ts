import { deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { compressSync } from "snappy";
import { expect, test } from "vitest";
import { type PushedStream, readPush } from "../../../aggregator/api/loki-push-body.ts";
import { labelsFrom, labelsOf } from "../../../shared/model/labels.ts";
import { type MessageStream, pushMessage } from "../../support/push-message.ts";

const JSON_TYPE = "application/json";
const PROTO_TYPE = "application/x-protobuf";
const snappy = (bytes: Uint8Array) => new Uint8Array(compressSync(Buffer.from(bytes)));

async function readJson(text: string): Promise<PushedStream[]> {
  return await readPush({ bytes: Buffer.from(text), type: JSON_TYPE, encoding: "" });
}

async function readProto(bytes: Uint8Array): Promise<PushedStream[]> {
  return await readPush({ bytes: snappy(bytes), type: PROTO_TYPE, encoding: "" });
}

/** What came of it, as plain texts. */
function shown(streams: readonly PushedStream[]) {
  return streams.map(({ labels, entries }) => ({
    labels,
    entries: entries.map(({ timeUs, ns, bytes, metadata }) => {
      return [timeUs, ns, Buffer.from(bytes).toString(), metadata];
    }),
  }));
}

const HELLO = [
  {
    labels: labelsOf({ app: 'a "b"', job: "c" }),
    entries: [
      [1_767_700_800_123_456, 789, "hello", []],
      [1_767_700_801_000_000, 0, "é\n", ["_1st", "x", "trace_id", "1"]],
    ],
  },
];
const HELLO_JSON = JSON.stringify({
  streams: [
    {
      stream: { job: "c", app: 'a "b"' },
      values: [
        ["1767700800123456789", "hello"],
        ["1767700801000000000", "é\n", { "trace.id": "1", "1st": "x", none: "" }],
      ],
    },
  ],
});
const HELLO_STREAM: MessageStream = {
  labels: '{job="c", app="a \\"b\\""}',
  entries: [
    { seconds: 1_767_700_800, nanos: 123_456_789, line: "hello" },
    { seconds: 1_767_700_801, nanos: 0, line: "é\n", metadata: { "trace.id": "1", "1st": "x" } },
  ],
};

test("JSON and protocol buffers say the same", async () => {
  expect(shown(await readJson(HELLO_JSON))).toEqual(HELLO);
  expect(shown(await readProto(pushMessage([HELLO_STREAM])))).toEqual(HELLO);
});

test.each([
  ["gzip", JSON_TYPE, gzipSync(HELLO_JSON)],
  ["deflate", "application/json; charset=utf-8", deflateSync(HELLO_JSON)],
  ["snappy", JSON_TYPE, snappy(Buffer.from(HELLO_JSON))],
  ["snappy", "", snappy(pushMessage([HELLO_STREAM]))],
  ["gzip", PROTO_TYPE, gzipSync(pushMessage([HELLO_STREAM]))],
])("a body may be in %s, of the type %j", async (encoding, type, bytes) => {
  expect(shown(await readPush({ bytes, type, encoding }))).toEqual(HELLO);
});

test("whatever is pushed is read as it is", async () => {
  const name = fc.stringMatching(/^[a-zA-Z_]\w{0,8}$/);
  const value = fc.string({ unit: "grapheme" }).filter((text) => text !== "" && !/\0/.test(text));
  const stream = fc.record({
    labels: fc.uniqueArray(fc.tuple(name, value), { selector: ([one]) => one, maxLength: 4 }),
    entries: fc.array(
      fc.record({
        seconds: fc.integer({ min: 0, max: 4e9 }),
        nanos: fc.integer({ min: 0, max: 999_999_999 }),
        line: fc.string({ unit: "grapheme" }),
      }),
      { maxLength: 5 },
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(stream, { maxLength: 4 }), async (streams) => {
      const expected = streams.map(({ labels, entries }) => ({
        labels: labelsFrom(labels),
        entries: entries.map(({ seconds, nanos, line }) => {
          return [seconds * 1e6 + Math.floor(nanos / 1000), nanos % 1000, line, []];
        }),
      }));
      const labelText = (labels: readonly (readonly [string, string])[]) =>
        `{${labels.map(([key, text]) => `${key}=${JSON.stringify(text)}`).join(",")}}`;
      const proto = streams.map(({ labels, entries }) => ({ labels: labelText(labels), entries }));
      expect(shown(await readProto(pushMessage(proto)))).toEqual(expected);
      const json = streams.map(({ labels, entries }) => ({
        stream: Object.fromEntries(labels),
        values: entries.map(({ seconds, nanos, line }) => {
          return [String(BigInt(seconds) * 1_000_000_000n + BigInt(nanos)), line];
        }),
      }));
      expect(shown(await readJson(JSON.stringify({ streams: json })))).toEqual(expected);
    }),
  );
});

const values = (...list: readonly unknown[]) =>
  JSON.stringify({ streams: [{ stream: { a: "b" }, values: list }] });

test.each([
  ["no JSON", "{", "JSON"],
  ["no streams", "{}", '"streams" is missing'],
  ["streams that are no list", '{"streams":{}}', '"streams" is no list'],
  ["a list in place of labels", '{"streams":[{"stream":[],"values":[]}]}', "no object"],
  ["a label that is no text", '{"streams":[{"stream":{"a":1},"values":[]}]}', "no text: a"],
  [
    "a wrong label name",
    '{"streams":[{"stream":{"a-b":"c"},"values":[]}]}',
    "Error parsing labels",
  ],
  ["a time that is none", values(["soon", "x"]), "Unix nanoseconds"],
  ["a time with a sign", values(["-1", "x"]), "Unix nanoseconds"],
  ["a line that is none", values(["1", 2]), "a line is no text"],
  ["metadata that is none", values(["1", "x", "y"]), '"metadata" is no object'],
  ["an own member of the prototype", '{"__proto__":{"streams":[]}}', '"streams" is missing'],
])("JSON with %s is refused", async (_what, text, why) => {
  await expect(readJson(text)).rejects.toMatchObject({
    code: "PARSE",
    message: expect.stringContaining(why),
  });
});

test.each([
  ["", "Error parsing labels"],
  ['a="b"}', "Error parsing labels '"],
  ['{a="b"', "at character 2"],
  ['{a="b",}', "at character 8"],
  ['{a="b"} x', "more behind }"],
  ['{a="\\q"}', "at character 2"],
  ['{a="b", a="c"}', "has duplicate label name: 'a'"],
])("the labels %j are refused", async (labels, why) => {
  await expect(readProto(pushMessage([{ labels, entries: [] }]))).rejects.toThrow(why);
});

test("a body that is cut off or expands to too much is refused", async () => {
  const whole = pushMessage([HELLO_STREAM]);
  await expect(readProto(whole.subarray(0, whole.length - 9))).rejects.toThrow("unexpected EOF");
  const read = (encoding: string, bytes: Uint8Array) =>
    readPush({ bytes, type: JSON_TYPE, encoding });
  const bomb = Buffer.alloc(9 * 1024 * 1024);
  await expect(read("gzip", gzipSync(bomb))).rejects.toThrow("cannot be expanded");
  await expect(read("snappy", snappy(bomb))).rejects.toThrow("no Snappy block");
  await expect(read("", bomb)).rejects.toMatchObject({ code: "LIMIT" });
  await expect(read("br", bomb)).rejects.toThrow('"br" not supported');
  // Four billion bytes are promised, and none are there.
  const promise = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f);
  await expect(read("snappy", promise)).rejects.toThrow("no Snappy block");
});

test("a push of more entries than there may be is refused before they are made", async () => {
  const entries = Array.from({ length: 200_001 }, () => [0x12, 0x00]).flat();
  const head = [0x0a, 0x05, ...Buffer.from('{a=""').subarray(0, 5)];
  const stream = Uint8Array.from([...head, ...entries]);
  const length = [
    (stream.length % 128) | 128,
    ((stream.length >> 7) % 128) | 128,
    stream.length >> 14,
  ];
  const bytes = Uint8Array.from([0x0a, ...length, ...stream]);
  await expect(readProto(bytes)).rejects.toMatchObject({ code: "LIMIT" });
});

test("streams without number and labels without number are refused before they take long", async () => {
  const streams = Buffer.from("\n\u0004\n\u0002{}".repeat(200_001));
  await expect(readProto(streams)).rejects.toMatchObject({ code: "LIMIT" });
  const names = Array.from({ length: 300 }, (_, i) => `l${i}`);
  const labels = `{${names.map((name) => `${name}=""`).join(",")}}`;
  const why = "has over 200 label names";
  await expect(readProto(pushMessage([{ labels, entries: [] }]))).rejects.toThrow(why);
  const stream = Object.fromEntries(names.map((name) => [name, ""]));
  const json = JSON.stringify({ streams: [{ stream, values: [] }] });
  await expect(readJson(json)).rejects.toThrow(why);
});

test("garbage is refused, and never anything but an expected error", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60, size: "max" }), async (bytes) => {
      const error = await readProto(bytes).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      if (error !== null) expect(error).toMatchObject({ name: "OperationalError" });
    }),
    { numRuns: 500 },
  );
});
