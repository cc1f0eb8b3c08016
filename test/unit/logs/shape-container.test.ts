import { describe, expect, test } from "vitest";
import { newShapeCounts } from "../../../agent/logs/shape/shape-counts.ts";
import { JOIN_DEFAULTS } from "../../../agent/logs/shape/shape-options.ts";
import type { Format } from "../../../agent/logs/shape/shaper.ts";
import { type Shaped, shaped, texts } from "../../support/shaped.ts";

const TIME = "2026-11-30T03:12:45.123456789Z";
const TIME_US = Date.parse("2026-11-30T03:12:45.123Z") * 1000 + 456;

const docker = (log: string, stream = "stdout", time = TIME) =>
  `${JSON.stringify({ log, stream, time })}\n`;
const cri = (text: string, stream = "stdout", tag = "F", time = TIME) =>
  `${time} ${stream} ${tag} ${text}\n`;

const plain = ({ text, stream, timeUs }: Shaped) => [text, stream, timeUs];

describe("docker's json-file", () => {
  test.each<[record: string, text: string]>([
    [docker("plain\n"), "plain"],
    [docker('a "quoted" \\ text\twith\r\n'), 'a "quoted" \\ text\twith'],
    [docker("€ 😀 \u2028 \u0000\n"), "€ 😀 \u2028 \u0000"],
    [
      `{"log":"\\u001b[1m\\u003ca\\u0026\\u00e4\\u20ac\\/\\n","stream":"stdout","time":"${TIME}"}\n`,
      "\u001b[1m<a&ä€/",
    ],
    [`{"log":"\\ud83d\\ude00\\n","stream":"stdout","time":"${TIME}"}\n`, "😀"],
    [`{"log":"\\ud83d\\n","stream":"stdout","time":"${TIME}"}\n`, "\ufffd"],
    [`{"log":"a\\n","stream":"stdout","attrs":{"tag":"x\\"}"},"time":"${TIME}"}\n`, "a"],
    [`{ "time": "${TIME}", "stream": "stdout", "log": "a\\n" }\n`, "a"],
    [docker("\n"), ""],
  ])("%s", (record, text) => {
    expect(shaped([record], { format: "docker-json" }).map(plain)).toEqual([
      [text, "stdout", TIME_US],
    ]);
  });

  test.each([
    ["2026-11-30T03:12:45Z", "2026-11-30T03:12:45Z"],
    ["2026-02-28T23:59:59.5+02:00", "2026-02-28T21:59:59.500Z"],
    ["2024-02-29T00:00:00.000001-05:30", "2024-02-29T05:30:00.000Z"],
    ["1970-01-01T00:00:00.1Z", "1970-01-01T00:00:00.100Z"],
    ["2000-03-01T12:00:00Z", "2000-03-01T12:00:00Z"],
  ])("time %s", (time, utc) => {
    const [line] = shaped([docker("a\n", "stderr", time)], { format: "docker-json" });
    expect(Math.floor((line?.timeUs ?? 0) / 1000)).toBe(Date.parse(utc));
  });

  test("what is no record is passed on as it is, and counted", () => {
    const bad = [
      "text",
      `{"log":"a","stream":"stdin","time":"${TIME}"}`,
      `{"log":7,"stream":"stdout","time":"${TIME}"}`,
      '{"log":"a\\n","stream":"stdout","time":"yesterday"}',
      '{"log":"a\\n","stream":"stdout","time":"2026-13-30T03:12:45Z"}',
      `{"log":"a"b\\n","stream":"stdout","time":"${TIME}"}`,
      `{"log":"\\x\\n","stream":"stdout","time":"${TIME}"}`,
      "\0\0\0",
      `${"[".repeat(1000)}`,
      "",
    ];
    const counts = newShapeCounts();
    const lines = shaped([bad.map((line) => `${line}\n`).join("")], {
      format: "docker-json",
      counts,
    });
    expect(lines.map(plain)).toEqual(bad.map((line) => [line, "", null]));
    expect(counts.recordsMalformed).toBe(bad.length);
  });

  test("a keyword that is written with an escape is found, too", () => {
    const record = docker("password=hunter2\n").replace("ss", "\\u0073s");
    expect(texts([record], { format: "docker-json" })).toEqual(["password=<masked:password>"]);
  });
});

describe("CRI's format", () => {
  test.each<[record: string, text: string]>([
    [cri("some text  "), "some text  "],
    [cri("with tags", "stdout", "F:a:b"), "with tags"],
    [cri(""), ""],
    [`${TIME} stdout F\n`, ""],
    [cri("\t indented"), "\t indented"],
    [cri("crlf\r"), "crlf"],
  ])("%s", (record, text) => {
    expect(shaped([record], { format: "cri" }).map(plain)).toEqual([[text, "stdout", TIME_US]]);
  });

  test("what is no record is passed on as it is, and counted", () => {
    const bad = [
      "x",
      `${TIME} stdin F a`,
      `${TIME} stdout X a`,
      `now stdout F a`,
      `${TIME} stdout`,
    ];
    const counts = newShapeCounts();
    const lines = shaped([bad.join("\n")], { format: "cri", counts });
    expect(lines.map(plain)).toEqual(bad.map((line) => [line, "", null]));
    expect(counts.recordsMalformed).toBe(bad.length);
  });
});

/** The same records in either format. */
const WRITERS: [
  Format,
  (text: string, stream?: string, time?: string) => string,
  (text: string) => string,
][] = [
  [
    "docker-json",
    (text, stream, time) => docker(`${text}\n`, stream, time),
    (text) => docker(text),
  ],
  ["cri", (text, stream, time) => cri(text, stream, "F", time), (text) => cri(text, "stdout", "P")],
];

describe.each(WRITERS)("%s", (format, line, part) => {
  const run = (records: readonly string[], options = {}) =>
    shaped([records.join("")], { format, ...options });

  test("parts become one line, also with lines of the other stream between them", () => {
    const lines = run([
      part("pass"),
      line("err", "stderr"),
      part("word=hun"),
      line("ter2"),
      line("x"),
    ]);
    expect(lines.map(({ text }) => text)).toEqual(["password=<masked:password>", "err", "x"]);
  });

  test("parts together have the limit of a line", () => {
    const counts = newShapeCounts();
    const options = { lineBytesMax: 10 };
    const lines = run([part("1234567"), part("8€xx"), part("xxx"), line("yy"), line("z")], {
      options,
      counts,
    });
    expect(lines.map(({ text, isCut }) => [text, isCut])).toEqual([
      ["12345678", true],
      ["z", false],
    ]);
    expect(counts).toMatchObject({ linesCut: 1, bytesCut: 10 });
    expect(run([line("12345678901")], { options }).map(({ text }) => text)).toEqual(["1234567890"]);
  });

  test("the streams are joined apart, and passed on in the order in which entries begin", () => {
    const records = [
      line("java.lang.Error: x", "stderr"),
      line("2026-11-30 03:12:45 INFO a"),
      line("\tat a.B.c(B.java:1)", "stderr"),
      line("  below a"),
      line("2026-11-30 03:12:45 INFO b"),
      line("2026-11-30 03:12:45 ERROR c", "stderr"),
    ];
    const offset = (count: number) => records.slice(0, count).join("").length;
    expect(run(records).map(({ text, stream, endOffset }) => [text, stream, endOffset])).toEqual([
      ["java.lang.Error: x\n\tat a.B.c(B.java:1)", "stderr", 0],
      ["2026-11-30 03:12:45 INFO a\n  below a", "stdout", offset(4)],
      ["2026-11-30 03:12:45 INFO b", "stdout", offset(5)],
      ["2026-11-30 03:12:45 ERROR c", "stderr", offset(6)],
    ]);
  });

  test("a line that comes a second later is not joined, and holds up nothing", () => {
    const late = "2026-11-30T03:12:46.123456789Z";
    const records = [
      line("java.lang.Error: x", "stderr"),
      line("a"),
      line("b", "stdout", late),
      line("\tat a.B.c(B.java:1)", "stderr", late),
    ];
    const lines = run(records, { isFlushed: false });
    expect(lines.map(({ text }) => text)).toEqual(["java.lang.Error: x", "a"]);
    expect(run(records).map(({ text }) => text)).toEqual([
      "java.lang.Error: x",
      "a",
      "b",
      "\tat a.B.c(B.java:1)",
    ]);
  });

  test("a stream that is quiet does not hold up more than an entry may have", () => {
    const options = { lineBytesMax: 1000, join: { ...JOIN_DEFAULTS, bytesMax: 1000 } };
    const others = Array.from({ length: 100 }, (_, i) => line(`${i}`));
    for (const quiet of [line("quiet", "stderr"), part("quiet").replace("stdout", "stderr")]) {
      const lines = run([quiet, ...others], { options, isFlushed: false });
      expect(lines.map(({ text }) => text).slice(0, 3)).toEqual(["quiet", "0", "1"]);
      expect(lines.length).toBe(100);
    }
  });
});
