import fc from "fast-check";
import { expect, test } from "vitest";
import { zoneOffset } from "../../../agent/collect/sys/time-zone.ts";
import { checkMutated } from "./mutated.ts";

type Type = readonly [seconds: number, name: string];

/** A version 2 file: to which type it changes when, and the rule that holds behind the last. */
function zoneFile(types: readonly Type[], changes: Readonly<Record<number, number>>, rule: string) {
  const names = types.map(([, name]) => `${name}\0`).join("");
  const header = (times: number) => {
    const bytes = Buffer.alloc(44);
    bytes.write("TZif2");
    for (const [index, count] of [0, 0, 0, times, types.length, names.length].entries()) {
      bytes.writeUInt32BE(count, 20 + index * 4);
    }
    return bytes;
  };
  const ats = Object.keys(changes);
  const times = Buffer.alloc(ats.length * 8);
  for (const [index, at] of ats.entries()) times.writeBigInt64BE(BigInt(at), index * 8);
  let nameAt = 0;
  const records = types.map(([seconds, name]) => {
    const record = Buffer.alloc(6);
    record.writeInt32BE(seconds, 0);
    record[5] = nameAt;
    nameAt += name.length + 1;
    return record;
  });
  const rest = Buffer.concat([...records, Buffer.from(names)]);
  const places = Buffer.from(Object.values(changes));
  return Buffer.concat([
    ...[header(0), rest],
    ...[header(ats.length), times, places, rest],
    Buffer.from(`\n${rule}\n`),
  ]);
}

const LMT: Type = [1172, "LMT"];

/** What the platform's own tables say, in seconds. */
function platformOffset(timeZone: string, seconds: number): number {
  const format = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" });
  const text = format.formatToParts(seconds * 1000).find(({ type }) => type === "timeZoneName");
  const [, sign, hours = "0", minutes = "0"] =
    /GMT(?:([+-])(\d+):(\d+))?/.exec(text?.value ?? "") ?? [];
  return (Number(hours) * 3600 + Number(minutes) * 60) * (sign === "-" ? -1 : 1);
}

test.each([
  ["Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"],
  ["America/New_York", "EST5EDT,M3.2.0,M11.1.0"],
  ["Australia/Sydney", "AEST-10AEDT,M10.1.0,M4.1.0/3"],
  ["Australia/Lord_Howe", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"],
  ["America/Nuuk", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0"],
  ["Asia/Kolkata", "IST-5:30"],
])("the rule of %s gives what the platform gives, at any time", (timeZone, rule) => {
  const bytes = zoneFile([LMT], {}, rule);
  const anyTime = fc.integer({ min: 1_714_521_600, max: 2_145_916_800 });
  fc.assert(
    fc.property(anyTime, (seconds) => {
      expect(zoneOffset(bytes, seconds)?.seconds).toBe(platformOffset(timeZone, seconds));
    }),
    { numRuns: 40 },
  );
});

test("names: before the first change, between changes, and by the rule", () => {
  const types: Type[] = [LMT, [3600, "CET"], [7200, "CEST"]];
  const changes = { 1000: 1, 2000: 2, 3000: 1 };
  const bytes = zoneFile(types, changes, "CET-1CEST,M3.5.0,M10.5.0/3");
  expect(zoneOffset(bytes, 999)).toEqual({ seconds: 1172, name: "LMT" });
  expect(zoneOffset(bytes, 1000)).toEqual({ seconds: 3600, name: "CET" });
  expect(zoneOffset(bytes, 2999)).toEqual({ seconds: 7200, name: "CEST" });
  expect(zoneOffset(bytes, 1_782_000_000)).toEqual({ seconds: 7200, name: "CEST" });
  const plain = zoneFile([LMT], {}, "<-03>3");
  expect(zoneOffset(plain, 1_782_000_000)).toEqual({ seconds: -10_800, name: "-03" });
});

test("days of the year: J never counts the 29th of February, a bare number does", () => {
  const noon = 1_709_208_000; // 29 February 2024
  const offsetOf = (rule: string) => zoneOffset(zoneFile([LMT], {}, rule), noon)?.name;
  expect(offsetOf("AAA0BBB,59/0,60/0")).toBe("BBB");
  expect(offsetOf("AAA0BBB,J59/0,J60/0")).toBe("BBB");
  expect(offsetOf("AAA0BBB,J60/0,J61/0")).toBe("AAA");
});

test("the last Sunday of December is not looked for in another year", () => {
  const christmas = 1_735_128_000; // 25 December 2024; the Sunday is the 29th
  const bytes = zoneFile([LMT], {}, "AAA0BBB,M12.5.0/0,M3.1.0/0");
  expect(zoneOffset(bytes, christmas)?.name).toBe("AAA");
  expect(zoneOffset(bytes, christmas + 5 * 86_400)?.name).toBe("BBB");
});

test("a file that is none has no offset", () => {
  expect(zoneOffset(Buffer.from(""), 0)).toBeNull();
  expect(zoneOffset(Buffer.from("TZif2"), 0)).toBeNull();
  expect(zoneOffset(Buffer.alloc(100), 0)).toBeNull();
});

test("a mutated file never throws, gives no NaN and ends", () => {
  const types: Type[] = [LMT, [3600, "CET"]];
  const original = zoneFile(types, { 1000: 1 }, "CET-1CEST,M3.5.0,M10.5.0/3");
  checkMutated(original, (bytes) => {
    const offset = zoneOffset(bytes, 1_782_000_000);
    expect(Number.isFinite(offset?.seconds ?? 0)).toBe(true);
  });
});
