import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RecordChecks } from "../../../agent/probes/config/probe-config.ts";
import { nameAt, readAnswer, writeQuery } from "../../../agent/probes/dns/dns-message.ts";
import { recordsFault } from "../../../agent/probes/dns/record-checks.ts";
import { recordText } from "../../../agent/probes/dns/record-text.ts";
import { OperationalError } from "../../../shared/errors.ts";

const question = { name: "a.example.", type: 1, class: 1, recursionDesired: true };

describe("a message of DNS", () => {
  test("a query holds the name in labels", () => {
    expect(writeQuery(0x1234, question).toString("latin1")).toBe(
      "\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01a\x07example\0\0\x01\0\x01",
    );
    const root = writeQuery(0, { ...question, name: ".", recursionDesired: false });
    expect([...root.subarray(2, 4), ...root.subarray(12)]).toEqual([0, 0, 0, 0, 1, 0, 1]);
    expect(() => writeQuery(0, { ...question, name: `${"x".repeat(64)}.a` })).toThrow(/Not a name/);
    expect(() => writeQuery(0, { ...question, name: "x.".repeat(128) })).toThrow(/Not a name/);
  });

  test("a name goes on elsewhere, but only further up", () => {
    const message = Buffer.from("\x01a\0\x01b\xc0\0\xc0\x03", "latin1");
    expect(nameAt(message, 0)).toEqual({ name: "a.", end: 3 });
    expect(nameAt(message, 3)).toEqual({ name: "b.a.", end: 7 });
    expect(nameAt(message, 7)).toEqual({ name: "b.a.", end: 9 });
    for (const bad of ["\xc0\0", "\xc0\x02\xc0\0", "\x05ab", "\x40a", "\xc0", ""]) {
      expect(() => nameAt(Buffer.from(bad, "latin1"), 0)).toThrow(OperationalError);
    }
    const long = Buffer.concat(
      Array.from({ length: 10 }, () => Buffer.from(`\x3f${"x".repeat(63)}`)),
    );
    expect(() => nameAt(long, 0)).toThrow(OperationalError);
  });

  test("whatever comes is read, or refused as no message", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(4), (bytes, count) => {
        const head = [0, 1, 0x80, 0, 0, count, 0, count, 0, count, 0, count];
        const message = Buffer.from([...head, ...bytes]);
        try {
          const { answers, authority, additional } = readAnswer(message);
          for (const record of [...answers, ...authority, ...additional]) {
            recordText(message, record);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(OperationalError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

const NO_CHECKS: RecordChecks = {
  failIfMatches: [],
  failIfAllMatch: [],
  failIfNotMatches: [],
  failIfNoneMatches: [],
};

test.each([
  ["nothing is asked for", {}, ["a", "b"], null],
  ["one may not match", { failIfMatches: ["z", "b"] }, ["a", "b"], /A record .* matches b/],
  ["each has to match", { failIfNotMatches: ["a|b", "a"] }, ["a", "b"], /does not match a$/],
  ["each does", { failIfNotMatches: ["a|b", "."] }, ["a", "b"], null],
  ["one has to match", { failIfNoneMatches: ["z", "y"] }, ["a", "b"], /No record/],
  ["one does", { failIfNoneMatches: ["z", "b"] }, ["a", "b"], null],
  ["all of them, as blackbox_exporter has it", { failIfAllMatch: ["a"] }, ["a", "b"], /Not all/],
  ["and all do", { failIfAllMatch: ["a|b"] }, ["a", "b"], null],
  ["there is none", { failIfNotMatches: ["a"] }, [], /There is no record in the answer section/],
  ["there is none, and none is needed", { failIfMatches: ["a"] }, [], null],
] as const)("records: %s", (_name, checks, records, expected) => {
  const fault = recordsFault(records, { ...NO_CHECKS, ...checks }, "answer");
  if (expected === null) expect(fault).toBe(null);
  else expect(fault).toMatch(expected);
});
