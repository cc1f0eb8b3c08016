import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { EntrySource } from "../../../agent/logs/journal/entry-source.ts";
import { JournalLines } from "../../../agent/logs/journal/journal-lines.ts";
import { Masker } from "../../../agent/logs/shape/masker.ts";
import { newShapeCounts } from "../../../agent/logs/shape/shape-counts.ts";
import {
  JOIN_DEFAULTS,
  LINE_BYTES_MAX,
  type ShapeOptions,
} from "../../../agent/logs/shape/shape-options.ts";

type Step = {
  readonly text: string | Uint8Array | null;
  readonly writer?: string;
  readonly isPart?: boolean;
  readonly isPrinted?: boolean;
  readonly timeUs?: number;
  readonly bytesCut?: number;
};

/** Entries are numbered from 1; so are their cursors. */
class Bed {
  readonly lines: { writer: string; text: string; timeUs: number; isCut: boolean }[] = [];
  readonly counts = newShapeCounts();
  readonly journal: JournalLines;
  #count = 0;

  constructor(options: Partial<ShapeOptions> = {}) {
    const { counts } = this;
    const shape: ShapeOptions = {
      lineBytesMax: LINE_BYTES_MAX,
      encoding: null,
      join: JOIN_DEFAULTS,
      masker: new Masker([], counts),
      counts,
      ...options,
    };
    this.journal = new JournalLines(shape, ({ labels, timeUs, bytes, isCut }) => {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
      this.lines.push({ writer: labels[1] ?? "", text, timeUs, isCut });
    });
  }

  take(step: Step, nowMs = 0): void {
    this.#count += 1;
    const { text, writer = "a", timeUs = this.#count * 1000, bytesCut = 0 } = step;
    const message = text === null ? null : Buffer.from(text);
    const source: EntrySource = {
      key: writer,
      labels: ["writer", writer],
      isPrinted: step.isPrinted ?? true,
      isPart: step.isPart ?? false,
    };
    const cursor = String(this.#count);
    const entry = { cursor, timeUs, message, bytesCut, fields: new Map<string, string>() };
    this.journal.take(entry, source, nowMs);
    message?.fill(0x3f); // it is the parser's again
  }

  texts(writer = "a"): string[] {
    return this.lines.filter((line) => line.writer === writer).map(({ text }) => text);
  }

  end(): this {
    this.journal.finish(0, true);
    return this;
  }
}

function bedOf(steps: readonly Step[], options: Partial<ShapeOptions> = {}): Bed {
  const bed = new Bed(options);
  for (const step of steps) bed.take(step);
  return bed.end();
}

describe("lines of the journal", () => {
  test("lines of a stack trace are one, though another unit writes in between", () => {
    const bed = bedOf([
      { text: "java.lang.IllegalStateException: no" },
      { text: "other", writer: "b" },
      { text: "\tat Main.main(Main.java:3)" },
      { text: "next" },
    ]);
    expect(bed.texts()).toEqual([
      "java.lang.IllegalStateException: no\n\tat Main.main(Main.java:3)",
      "next",
    ]);
    expect(bed.texts("b")).toEqual(["other"]);
  });

  test("what a program logs as a message of its own is not joined", () => {
    const steps = ["Exception: no", "\tat Main.main(Main.java:3)", "two\nlines"];
    const bed = bedOf(steps.map((text) => ({ text, isPrinted: false })));
    expect(bed.texts()).toEqual(steps);
  });

  test("a newline at the end is none of the text", () => {
    expect(bedOf([{ text: "a\n" }, { text: "\n" }, { text: "a\n\n" }]).texts()).toEqual([
      "a",
      "",
      "a\n",
    ]);
  });

  test("parts are one line, with the time of the first", () => {
    const bed = bedOf([
      { text: "one ", isPart: true, timeUs: 5 },
      { text: "other", writer: "b" },
      { text: "two ", isPart: true },
      { text: "three" },
      { text: "next" },
    ]);
    expect(bed.texts()).toEqual(["one two three", "next"]);
    expect(bed.lines.find(({ text }) => text.startsWith("one"))?.timeUs).toBe(5);
  });

  test("a secret is masked, also where two parts meet, and bytes that are no UTF-8 are replaced", () => {
    const bed = bedOf([
      { text: "pass", isPart: true },
      { text: "word=hunter2" },
      { text: "url=http://user:hunter2@host/" },
      { text: Uint8Array.of(0x61, 0xff) },
    ]);
    expect(bed.texts()).toEqual([
      "password=<masked:password>",
      "url=http://user:<masked:url-password>@host/",
      "a\ufffd",
    ]);
  });

  test("the lines of a private key are left out", () => {
    const key = [
      "-----BEGIN RSA PRIVATE KEY-----",
      "A".repeat(64),
      "-----END RSA PRIVATE KEY-----",
    ];
    const bed = bedOf([...key, "next"].map((text) => ({ text })));
    expect(bed.texts()).toEqual(["<masked:private-key>", "next"]);
  });

  test("long lines are cut and say so", () => {
    const options = { lineBytesMax: 10 };
    const bed = bedOf(
      [
        { text: "0123456789x", bytesCut: 5 },
        { text: "012345", isPart: true },
        { text: "6789abc", bytesCut: 7 },
        { text: "123456789ä" },
        { text: "0123456789" },
      ],
      options,
    );
    expect(bed.lines.map(({ text, isCut }) => [text, isCut])).toEqual([
      ["0123456789", true],
      ["0123456789", true],
      ["123456789", true],
      ["0123456789", false],
    ]);
    expect(bed.counts).toMatchObject({ linesCut: 3, bytesCut: 6 + 3 + 7 + 2 });
  });
});

describe("the cursor of the journal", () => {
  test("it does not go beyond what is held", () => {
    const bed = new Bed();
    bed.take({ text: "first" });
    bed.take({ text: "one", writer: "b" });
    bed.take({ text: "two", writer: "b" });
    expect([bed.lines, bed.journal.cursor]).toEqual([[], ""]);
    bed.take({ text: "next" });
    expect([bed.texts(), bed.texts("b")]).toEqual([["first"], ["one"]]);
    expect(bed.journal.cursor).toBe("2");
    bed.end();
    expect(bed.journal.cursor).toBe("4");
  });

  test("it does not go beyond the first part of a line that has just become whole", () => {
    const bed = new Bed();
    bed.take({ text: "first" });
    bed.take({ text: "two ", isPart: true });
    bed.take({ text: "one", writer: "b" });
    bed.take({ text: "two", writer: "b" });
    bed.take({ text: "parts" });
    expect([bed.texts(), bed.texts("b"), bed.journal.cursor]).toEqual([["first"], [], "1"]);
    expect(bed.end().texts()).toEqual(["first", "two parts"]);
  });

  test("an entry without a message moves it on", () => {
    const bed = new Bed();
    bed.take({ text: null });
    expect(bed.journal.cursor).toBe("1");
  });

  test("what is older than the limit ends, and a line that has no last part, too", () => {
    const bed = new Bed();
    bed.take({ text: "alone" });
    bed.take({ text: "part", isPart: true, writer: "b" });
    bed.journal.finish(JOIN_DEFAULTS.ageMsMax - 1, false);
    expect(bed.lines).toEqual([]);
    bed.journal.finish(JOIN_DEFAULTS.ageMsMax, false);
    expect(bed.journal.cursor).toBe("1");
    bed.journal.finish(5000, false);
    bed.journal.finish(10_000, false);
    expect(bed.texts("b")).toEqual(["part"]);
    expect(bed.journal.cursor).toBe("2");
  });

  test("a line that is held does not hold up more of others than the limits say", () => {
    const join = { ...JOIN_DEFAULTS, bytesMax: 5000 };
    const bed = new Bed({ join, lineBytesMax: 5000 });
    bed.take({ text: "part", isPart: true });
    for (let n = 0; n < 100; n += 1) bed.take({ text: "x".repeat(100), writer: "b", timeUs: 2000 });
    expect(bed.texts()).toEqual(["part"]);
    expect(bed.texts("b").length).toBeGreaterThan(60);
  });

  test("a thousand writers are forgotten one by one, and lose nothing", () => {
    const steps = Array.from({ length: 1000 }, (_, n) => ({ text: `of ${n}`, writer: `w${n}` }));
    const bed = bedOf(steps.map((step) => ({ ...step, timeUs: 1000 })));
    expect(bed.lines.map(({ text }) => text)).toEqual(steps.map(({ text }) => text));
  });

  test("at each cursor the lines up to it are there, and none behind it", () => {
    const anyStep = fc.record({
      text: fc.option(fc.constantFrom("Exception: x", "\tat a.b(c.java:1)", "plain", "")),
      writer: fc.constantFrom("a", "b", "c"),
      isPart: fc.boolean(),
      isPrinted: fc.boolean(),
    });
    const writers = ["a", "b", "c"];
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 12, size: "max" }), (steps) => {
        const whole = bedOf(steps);
        // A reader that stops at any entry, with what it had passed on, and one that goes on there.
        const first = new Bed();
        for (const step of steps) {
          first.take(step);
          const again = bedOf(steps.slice(Number(first.journal.cursor || "0")));
          const both = (writer: string) => [...first.texts(writer), ...again.texts(writer)];
          expect(writers.map(both)).toEqual(writers.map((writer) => whole.texts(writer)));
        }
      }),
    );
  });
});
