import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ExportParser } from "../../../agent/logs/journal/export-parser.ts";
import { entry, exported } from "../../support/journal-export.ts";

const FIELDS = new Set(["PRIORITY", "_SYSTEMD_UNIT", "CONTAINER_NAME"]);
const MESSAGE_BYTES_MAX = 100;

type Parsed = {
  readonly cursor: string;
  readonly timeUs: number | null;
  readonly message: string | null;
  readonly bytesCut: number;
  readonly fields: Readonly<Record<string, string>>;
};

function parsed(pushes: readonly Uint8Array[]): Parsed[] {
  const entries: Parsed[] = [];
  const limits = { messageBytesMax: MESSAGE_BYTES_MAX, fields: FIELDS };
  const parser = new ExportParser(limits, ({ cursor, timeUs, message, bytesCut, fields }) => {
    entries.push({
      cursor,
      timeUs,
      message: message === null ? null : Buffer.from(message).toString("latin1"),
      bytesCut,
      fields: Object.fromEntries(fields),
    });
  });
  for (const bytes of pushes) {
    const own = Buffer.from(bytes);
    parser.push(own);
    own.fill(0x3f); // it is the reader's again
  }
  return entries;
}

const messages = (bytes: Uint8Array) => parsed([bytes]).map(({ message }) => message);

describe("the journal's export", () => {
  test("an entry has its cursor, its time, its message and the fields that are wanted", () => {
    const bytes = exported({
      __CURSOR: "s=1;i=2",
      __REALTIME_TIMESTAMP: "1796008365123456",
      _HOSTNAME: "web1",
      PRIORITY: "3",
      MESSAGE: "text = with an equals sign",
    });
    expect(parsed([bytes])).toEqual([
      {
        cursor: "s=1;i=2",
        timeUs: 1_796_008_365_123_456,
        message: "text = with an equals sign",
        bytesCut: 0,
        fields: { PRIORITY: "3" },
      },
    ]);
  });

  test.each<[name: string, value: string | Uint8Array, message: string]>([
    ["of several lines", "a\nb\n\nc", "a\nb\n\nc"],
    [
      "that looks like fields",
      "\nMESSAGE=other\n\n__CURSOR=x\n",
      "\nMESSAGE=other\n\n__CURSOR=x\n",
    ],
    ["of bytes", Uint8Array.of(0, 255, 10), "\0\xff\n"],
    ["without a character", "", ""],
    ["without a byte", new Uint8Array(0), ""],
  ])("a message %s", (_, value, message) => {
    const next = exported({ MESSAGE: "next" });
    const bytes = Buffer.concat([exported({ MESSAGE: value, PRIORITY: "1" }), next]);
    expect(parsed([bytes]).map((one) => [one.message, one.fields["PRIORITY"]])).toEqual([
      [message, "1"],
      ["next", undefined],
    ]);
  });

  test("an entry without a message has none, and empty lines are no entries", () => {
    const bytes = Buffer.concat([
      Buffer.from("\n\n"),
      exported({ PRIORITY: "1" }),
      Buffer.from("\n"),
    ]);
    expect(messages(bytes)).toEqual([null]);
  });

  test("of a field that is there twice the first counts", () => {
    const bytes = Buffer.from("MESSAGE=first\nMESSAGE=second\nPRIORITY=1\nPRIORITY=2\n\n");
    expect(parsed([bytes]).map((one) => [one.message, one.fields["PRIORITY"]])).toEqual([
      ["first", "1"],
    ]);
  });

  test.each([false, true])(
    "a value of 300 KB is left out but for its beginning (binary: %s)",
    (isBinary) => {
      const long = Buffer.alloc(300_000, isBinary ? "a\nb" : "ab");
      const value = isBinary ? new Uint8Array(long) : long.toString();
      const bytes = Buffer.concat([
        exported({ MESSAGE: value, CONTAINER_NAME: value, _HOSTNAME: value }),
        exported({ MESSAGE: "next" }),
      ]);
      for (const size of [5000, bytes.length]) {
        const pieces: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
        const [first, next] = parsed(pieces);
        expect(first?.message).toBe(long.toString("latin1", 0, MESSAGE_BYTES_MAX + 1));
        expect(first?.bytesCut).toBe(long.length - MESSAGE_BYTES_MAX - 1);
        expect(first?.fields["CONTAINER_NAME"]).toBe(long.toString("latin1", 0, 1024));
        expect(next?.message).toBe("next");
      }
    },
  );

  test.each([
    [
      "a value of 2 GB",
      Buffer.concat([Buffer.from("MESSAGE\n"), Buffer.from([0, 0, 0, 128, 0, 0, 0, 0])]),
    ],
    [
      "a value of 2^63 bytes",
      Buffer.concat([Buffer.from("X\n"), Buffer.from([0, 0, 0, 0, 0, 0, 0, 128])]),
    ],
    [
      "a value that goes on",
      Buffer.concat([exported({ A: "a\nb" }).subarray(0, -2), Buffer.from("x")]),
    ],
    ["a name of 300 bytes", Buffer.from(`${"N".repeat(300)}\n`)],
  ])("%s is refused", (_, bytes) => {
    expect(() => parsed([bytes])).toThrow(expect.objectContaining({ code: "PARSE" }));
    expect(() => parsed([...bytes].map((byte) => Uint8Array.of(byte)))).toThrow(
      expect.objectContaining({ code: "PARSE" }),
    );
  });

  test("a time that is no number is none", () => {
    expect(parsed([exported({ __REALTIME_TIMESTAMP: "1e300", MESSAGE: "a" })])[0]?.timeUs).toBe(
      null,
    );
  });

  test("what is read does not depend on how the bytes are cut", () => {
    const anyValue = fc.oneof(
      fc
        .array(fc.constantFrom("a", "\n", "=", "ä", "\0"), { maxLength: 20 })
        .map((c) => c.join("")),
      fc.integer({ min: 0, max: 250 }).map((length) => new Uint8Array(length).fill(10)),
    );
    const anyName = fc.constantFrom("PRIORITY", "CONTAINER_NAME", "OTHER", "__CURSOR");
    const anyEntry = fc
      .tuple(anyValue, fc.array(fc.tuple(anyName, anyValue), { maxLength: 4 }))
      .map(([message, fields]) => exported({ ...Object.fromEntries(fields), MESSAGE: message }));
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 5 }), cuts, (entries, lengths) => {
        const bytes = Buffer.concat(entries);
        const pieces: Buffer[] = [];
        for (let at = 0, n = 0; at < bytes.length; n += 1) {
          const length = lengths[n % lengths.length] ?? 1;
          pieces.push(bytes.subarray(at, at + length));
          at += length;
        }
        const whole = parsed([bytes]);
        expect(whole.length).toBe(entries.length);
        expect(parsed(pieces)).toEqual(whole);
      }),
    );
  });

  test("garbage is refused or read, and never more is kept than the limits say", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000, size: "max" }), (bytes) => {
        try {
          for (const { message } of parsed([bytes, entry(1, "x")])) {
            expect((message ?? "").length).toBeLessThanOrEqual(MESSAGE_BYTES_MAX + 1);
          }
        } catch (error) {
          expect(error).toMatchObject({ code: "PARSE" });
        }
      }),
    );
  });
});
