import fc from "fast-check";
import { expect, test } from "vitest";
import { newShapeCounts } from "../../../agent/logs/shape/shape-counts.ts";
import { JOIN_DEFAULTS } from "../../../agent/logs/shape/shape-options.ts";
import { createShaper, type Format } from "../../../agent/logs/shape/shaper.ts";
import { type Shaped, shaped, texts } from "../../support/shaped.ts";

/** Lines as files have them: what is joined, what is not, what is masked, and what is no text. */
const ORDINARY = [
  "2026-11-30 03:12:45 ERROR failed",
  "2026-11-30 03:12:46 INFO fine",
  "  indented",
  "\ttab",
  "java.lang.Error: x",
  "\tat a.B.c(B.java:7)",
  "\t... 3 more",
  "Caused by: java.io.IOException: y",
  "Traceback (most recent call last):",
  '  File "a.py", line 3, in f',
  "KeyError: 'a'",
  "During handling of the above exception, another exception occurred:",
  "panic: boom",
  "goroutine 7 [running]:",
  "main.main()",
  "thread 'main' panicked at a.rs:1:2:",
  "Error: z",
  "/srv/a.js:3",
  "    ^",
  "Stack trace:",
  "#0 a.php(3): f()",
  "",
  " ",
  "plain",
  '{"a":1,"b":"€ 😀"}',
  "\0\0",
];
const UNUSUAL = [
  "password=hunter2",
  "a@b ://u:pw@h",
  "4111111111111111",
  "x".repeat(70),
  "é€😀".repeat(9),
];
const KEY = ["-----BEGIN PRIVATE KEY-----", "QUJD".repeat(12), "-----END PRIVATE KEY-----"];
const BINARY = fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes));

const LIMITS = {
  lineBytesMax: 64, // so small that parts, and what waits for them, reach their limits
  join: { ...JOIN_DEFAULTS, linesMax: 6, bytesMax: 200 },
};

function oneOf(pool: readonly string[]): fc.Arbitrary<Buffer> {
  return fc.constantFrom(...pool).map((text) => Buffer.from(text));
}

const newline = fc.constantFrom("\n", "\n", "\n", "\r\n").map((text) => Buffer.from(text));
const content = fc.oneof(
  { weight: 8, arbitrary: oneOf(ORDINARY) },
  { weight: 2, arbitrary: oneOf(UNUSUAL) },
  { weight: 1, arbitrary: oneOf(KEY) },
  { weight: 1, arbitrary: BINARY },
);

const plainFile = fc
  .array(fc.tuple(content, newline), { maxLength: 30, size: "max" })
  .map((lines) => Buffer.concat(lines.flat()));

const TIMES = ["2026-11-30T03:12:45Z", "2026-11-30T03:12:45.9Z", "2026-11-30T03:12:47.25Z"];

const record = fc.record({
  text: fc.oneof(
    { weight: 6, arbitrary: oneOf(ORDINARY) },
    { weight: 1, arbitrary: oneOf(UNUSUAL) },
  ),
  stream: fc.constantFrom("stdout", "stdout", "stderr"),
  time: fc.constantFrom(TIMES[0], TIMES[0], TIMES[0], ...TIMES),
  kind: fc.constantFrom("whole", "whole", "whole", "whole", "part", "broken"),
});

function writeRecord(format: Format, one: typeof record extends fc.Arbitrary<infer T> ? T : never) {
  const text = one.text.toString();
  if (one.kind === "broken") return `${text}\n`;
  if (format === "cri") {
    return `${one.time} ${one.stream} ${one.kind === "part" ? "P" : "F"} ${text}\n`;
  }
  const log = one.kind === "part" ? text : `${text}\n`;
  return `${JSON.stringify({ log, stream: one.stream, time: one.time })}\n`;
}

const file = fc.oneof(
  plainFile.map((bytes) => ({ format: "plain" as Format, bytes })),
  fc
    .tuple(
      fc.constantFrom<Format>("docker-json", "cri"),
      fc.array(record, { maxLength: 30, size: "max" }),
    )
    .map(([format, records]) => {
      const text = records.map((one) => writeRecord(format, one)).join("");
      return { format, bytes: Buffer.from(text) };
    }),
);
const cuts = fc.array(fc.nat({ max: 2000 }), { maxLength: 12, size: "max" });

function pieces(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [0, ...at.map((place) => place % (bytes.length + 1)), bytes.length];
  places.sort((a, b) => a - b);
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}

test("any way of cutting the bytes gives the same lines, offsets and counts", () => {
  fc.assert(
    fc.property(file, cuts, ({ format, bytes }, at) => {
      const counts = [newShapeCounts(), newShapeCounts()] as const;
      const whole = shaped([bytes], { format, options: LIMITS, counts: counts[0] });
      const cut = shaped(pieces(bytes, at), { format, options: LIMITS, counts: counts[1] });
      expect(cut).toEqual(whole);
      expect(counts[1]).toEqual(counts[0]);
    }),
    { numRuns: 100 },
  );
});

test("a new reader at any offset that was emitted gets the lines that follow", () => {
  fc.assert(
    fc.property(file, ({ format, bytes }) => {
      const whole = shaped([bytes], { format, options: LIMITS });
      const offsets = whole.map(({ endOffset }) => endOffset);
      expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
      for (const startOffset of new Set(offsets)) {
        const rest = shaped([bytes.subarray(startOffset)], {
          format,
          options: LIMITS,
          startOffset,
        });
        const following = whole.slice(startOffset === 0 ? 0 : offsets.indexOf(startOffset) + 1);
        expect(rest).toEqual(following);
      }
      expect(offsets.at(-1) ?? 0).toBe(bytes.length);
    }),
    { numRuns: 60 },
  );
});

test("behind a flush lines are those of a new reader", () => {
  const filesOfText = fc
    .array(fc.tuple(oneOf(ORDINARY), newline), { maxLength: 20, size: "max" })
    .map((lines) => Buffer.concat(lines.flat()));
  fc.assert(
    fc.property(filesOfText, fc.nat(), (bytes, place) => {
      const at = place % (bytes.length + 1);
      const lines: Shaped["text"][] = [];
      const options = { ...defaults(), ...LIMITS };
      const shaper = createShaper("plain", options, 0, ({ bytes: own, start, end }) => {
        lines.push(text(own.subarray(start, end)));
      });
      shaper.push(bytes.subarray(0, at), 0);
      shaper.flush(0);
      expect(shaper.hasPending).toBe(false);
      shaper.push(bytes.subarray(at), 0);
      shaper.flush(0);
      const rest = { startOffset: at, options: { ...LIMITS, encoding: "utf-8" as const } };
      const apart = [bytes.subarray(0, at)].map((one) => texts([one], { options: LIMITS }));
      expect(lines).toEqual([...apart.flat(), ...texts([bytes.subarray(at)], rest)]);
    }),
    { numRuns: 60 },
  );
});

test("text without a secret comes out byte for byte", () => {
  const words = fc.array(
    fc.oneof(
      oneOf(ORDINARY),
      fc.string({ unit: "grapheme" }).map((s) => Buffer.from(s)),
    ),
  );
  fc.assert(
    fc.property(words, (lines) => {
      const bytes = Buffer.concat(lines.map((line) => Buffer.concat([line, Buffer.from("\n")])));
      const input = bytes.toString().replace(/^\ufeff/, "");
      expect(
        texts([bytes])
          .map((line) => `${line}\n`)
          .join(""),
      ).toBe(input.replaceAll("\r\n", "\n"));
    }),
    { numRuns: 100 },
  );
});

/** Where a secret may stand; S is the secret, and what is around it any text. */
const PLACES: readonly [place: string, alphabet: string, lengths: [number, number]][] = [
  ["password=S", "abcXYZ019!#$%*+-./:?@^_|~", [4, 30]],
  ['{"user":"a","password":"S","b":1}', "abcXYZ019!#$%&*+-./:;<=>?@[]^_{|}~ ',", [4, 30]],
  ["https://h/x?api_key=S&b=1", "abcXYZ019_-.%", [4, 30]],
  ["Authorization: Bearer S", "abcXYZ019_-.~+/", [4, 60]],
  ["postgres://ann:S@db/shop", "abcXYZ019!$%*+-._~@", [4, 30]],
  [`ghp${"_"}S`, "abcXYZ019", [20, 40]],
  ["x-auth-token: S", "abcXYZ019_-", [6, 40]],
  ['"msg":"{\\"client_secret\\":\\"S\\"}"', "abcXYZ019!*+-./:;=?@^_|~ ", [4, 30]],
];

const secretInLine = fc
  .constantFrom(...PLACES)
  .chain(([place, alphabet, [minLength, maxLength]]) => {
    const unit = fc.constantFrom(...alphabet);
    const secret = fc
      .string({ unit, minLength, maxLength })
      .map((middle) => `q7${middle}7q`) // no placeholder, and nothing that ends in a bracket
      .filter((one) => !/ \w+[=:]/.test(one));
    const around = fc.constantFrom("", "12:00 INFO ", "€ ", "done: ", "[x] ");
    return fc.tuple(secret, around).map(([one, before]) => {
      return { secret: one, line: before + place.replace("S", () => one) };
    });
  });

test("of a secret nothing comes out, wherever the bytes are cut", () => {
  fc.assert(
    fc.property(fc.array(secretInLine, { minLength: 1, maxLength: 4 }), cuts, (lines, at) => {
      const bytes = Buffer.from(lines.map(({ line }) => `${line}\n`).join(""));
      const output = texts(pieces(bytes, at)).join("\n");
      for (const { secret, line } of lines) {
        expect(output, line).not.toContain(secret.slice(0, 8));
        expect(output, line).not.toContain(secret.slice(-8));
      }
    }),
    { numRuns: 150 },
  );
});

function defaults() {
  return { encoding: null, masker: null, counts: newShapeCounts() };
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
