import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LineScanner, MARKER, type SplitLine } from "../../../shared/log-patterns/split.ts";

const scanner = new LineScanner();

function splitLine(text: string): SplitLine {
  scanner.scan(text);
  return scanner.split();
}

/** The line that was cut. */
function joinLine({ skeleton, variables }: SplitLine): string {
  const parts = skeleton.split(MARKER);
  return parts.map((part, i) => part + (variables[i] ?? "")).join("");
}

/** The hash of the line's skeleton. */
function hashOf(text: string): string {
  scanner.scan(text);
  return `${scanner.high},${scanner.low}`;
}

const shown = (text: string) => splitLine(text).skeleton.replaceAll(MARKER, "*");

describe("splitLine", () => {
  test.each([
    ["", ""],
    ["no digits at all", "no digits at all"],
    ["2015-10-18 18:01:47,978 INFO [main] Took 3 ms", "* * INFO [main] Took * ms"],
    ["2015-10-18T18:01:47.978Z x", "* x"],
    ["2015-10-18T18:01:47+02:00 x", "** x"],
    ["block blk_-3886 for blk_77 from /10.2.3.4:50010", "block blk_* for blk_* from *"],
    ["req-38101a0b-2096-447d-96ea-a692162415ae", "req-*"],
    ["[deadbeef-dead-beef-dead-deadbeefdead]", "[*]"],
    ["DHCPDISCOVER from 00:11:43:e3:ba:cc via eth1", "DHCPDISCOVER from * via eth*"],
    ["from ::ffff:10.100.4.250 port 33", "from * port *"],
    ["[::1]:80, fe80::de:ad0:1: gone", "[*]:*, *: gone"],
    ["std::abc ab::cd a::b", "std::abc ab::cd a::b"],
    ["token=Token{a64f992 u0 t761}", "token=Token{* u* t*}"],
    ["delta -5, range 1-2, x-5, --3", "delta *, range *, x-*, --*"],
    ["lifetime <1 sec, 5ms (18.4 KB)", "lifetime <* sec, * (* KB)"],
    ['open /var/log/a.log: no such (/a,b) a/b "/x" / x', 'open *: no such (*,b) a/b "*" / x'],
    ["GET http://a.b/c?d=e, HTTP://F: x://y", "GET http*, HTTP*: x*"],
    ["a=/b|/c d=/e", "a=* d=*"],
    ["a=/b /c=d", "a=* *"],
    ['{"a":"b c", "d": "", "msg":"e f","g":"h\\"i"}', '{"a":*, "d": *, "msg":"e f","g":*}'],
    ['x="y z" msg="a b" ="c" : "d" e="f', 'x=* msg="a b" ="c" : "d" e="f'],
    ["x +3 +b 1+2 -a", "x * +b ** -a"],
    ["é5ü 日本9", "é*ü 日本*"],
    ["a\u0000b", "a*b"],
  ])("%j", (text, expected) => {
    expect(shown(text)).toBe(expected);
  });

  test("the same words with other numbers have the same skeleton", () => {
    const digits = fc.integer({ min: 0, max: 1e9 });
    const line = (a: number, b: number, c: number) => `job_${a} took ${b} ms on node-${c}.example`;
    fc.assert(
      fc.property(digits, digits, digits, (a, b, c) => {
        expect(shown(line(a, b, c))).toBe(shown(line(1, 2, 3)));
      }),
    );
  });

  test("a UUID, MAC or IPv4 address is one variable, whichever it is", () => {
    const address = fc.oneof(fc.uuid(), fc.ipV4(), macAddress());
    fc.assert(
      fc.property(address, (text) => {
        expect(splitLine(`x ${text} y`)).toEqual({ skeleton: "x \u0000 y", variables: [text] });
      }),
    );
  });

  test("an IPv6 address with a digit is one variable, whichever it is", () => {
    const address = fc.ipV6().filter((text) => /\d/.test(text) && /::|^(\w+:){7}/.test(text));
    fc.assert(
      fc.property(address, (text) => {
        expect(splitLine(`x ${text} y`)).toEqual({ skeleton: "x \u0000 y", variables: [text] });
      }),
    );
  });

  test("joinLine gives back what splitLine cut, and each marker has its variable", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        ":",
        "-",
        "::",
        ".",
        ",",
        " ",
        "\u0000",
        "0",
        "fe",
        "x",
        "_",
        "+",
        "é",
        "\ud83d",
      ),
      fc.string({ unit: "binary-ascii", maxLength: 4 }),
      fc.constantFrom(
        "fe80::de:ad0:1",
        "00:11:43:e3:ba:cc",
        "deadbeef-dead-beef-dead-deadbeefdead",
      ),
    );
    const text = fc.array(piece, { size: "max", maxLength: 30 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(text, (line) => {
        const { skeleton, variables } = splitLine(line);
        expect(joinLine({ skeleton, variables })).toBe(line);
        expect(skeleton.split(MARKER)).toHaveLength(variables.length + 1);
        expect(variables).not.toContain("");
      }),
      { numRuns: 150 },
    );
  });

  test("two lines have the same hash when they have the same skeleton, and else not", () => {
    const piece = fc.constantFrom(
      " ",
      ":",
      "-",
      "+",
      "1",
      "22",
      "ab",
      "g",
      "/",
      "::",
      "a:b",
      "=",
      ",",
    );
    const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(text, text, (one, other) => {
        const isSame = splitLine(one).skeleton === splitLine(other).skeleton;
        expect(hashOf(one) === hashOf(other)).toBe(isSame);
      }),
      { numRuns: 2000 },
    );
  });

  test("a line of very many numbers has a bounded number of variables", () => {
    const text = "1 ".repeat(100_000);
    const { skeleton, variables } = splitLine(text);
    expect(variables).toHaveLength(200);
    expect(joinLine({ skeleton, variables })).toBe(text);
  });
});

function macAddress(): fc.Arbitrary<string> {
  const pair = fc.integer({ min: 0, max: 255 }).map((n) => n.toString(16).padStart(2, "0"));
  return fc.array(pair, { minLength: 6, maxLength: 6 }).map((pairs) => pairs.join(":"));
}
