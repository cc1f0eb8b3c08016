import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { patternText } from "../../../shared/log-patterns/line-text.ts";
import { LineScanner, MARKER, type SplitLine } from "../../../shared/log-patterns/split.ts";
import { spanOf, spanText } from "../../../shared/model/byte-span.ts";

const scanner = new LineScanner();

function splitLine(text: string): SplitLine {
  scanner.scan(spanOf(text));
  return scanner.split();
}

/** The line that was cut. */
function joinLine({ skeleton, variables }: SplitLine): string {
  const parts = skeleton.split(MARKER);
  return parts.map((part, i) => part + (variables[i] ?? "")).join("");
}

/** The hash of the line's skeleton. */
function hashOf(text: string): string {
  scanner.scan(spanOf(text));
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
    ['Msg="a b" msgs="a b" STATE="c"', 'Msg="a b" msgs=* STATE="c"'],
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
        "\u{1f600}",
      ),
      fc
        .string({ unit: "binary-ascii", maxLength: 4 })
        .map((one) => one.replaceAll("\n", "").replaceAll("\u001b", "")),
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

  test("what stands before and behind a line in memory is no part of it", () => {
    const piece = fc.constantFrom(...' :-+1agfx/.,="\\\0é', "::", 'a="', '"a":"', "2:", "-1");
    const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(text, text, text, (before, line, after) => {
        const all = Buffer.from(before + line + after);
        const start = Buffer.byteLength(before);
        scanner.scan({ bytes: all, start, end: start + Buffer.byteLength(line) });
        const { high, low } = scanner;
        const split = scanner.split();
        expect(`${high},${low}`).toBe(hashOf(line));
        expect(split).toEqual(splitLine(line));
      }),
      { numRuns: 2000 },
    );
  });

  test("what is not UTF-8 is replaced, and changes nothing around it", () => {
    const bytes = Buffer.from([0x61, 0xff, 0x31, 0x20, 0xc3, 0x20, 0x32]);
    scanner.scan({ bytes, start: 0, end: bytes.length });
    expect(scanner.split()).toEqual({ skeleton: "a\ufffd\0 \ufffd \0", variables: ["1", "2"] });
  });

  test.each([
    ["a 1\nb 2", "a *"],
    ["\na 1\nb", "\na *"],
    ['a="b\nc"', 'a="b'],
    ['a="b\\\nc"', 'a="b\\'],
    [`${"1 ".repeat(250)}\nb`, "* ".repeat(199).concat("*")],
  ])("a line ends where the next one begins: %j", (text, expected) => {
    expect(shown(text)).toBe(expected);
  });

  test.each(["\u001b[1mx", "a=/b\u001b[0m", 'a="b\u001b[0m"', 'a="b\\\u001b[0m"', "12\u001b[0m"])(
    "a line with an escape is not scanned: %j",
    (text) => {
      expect(scanner.scan(spanOf(text))).toBe(false);
    },
  );

  test("a line of very many numbers has a bounded number of variables", () => {
    const text = "1 ".repeat(100_000);
    const { skeleton, variables } = splitLine(text);
    expect(variables).toHaveLength(200);
    expect(joinLine({ skeleton, variables })).toBe(text);
  });
});

describe("patternText", () => {
  const textOf = (line: string) => spanText(patternText(spanOf(line)));

  test.each([
    ["\u001b[1;31mred\u001b[0m, /a\u001b[K b", "red, /a b"],
    ["\u001b[1 \u001b\u001b[0mx\u001b", "[1 x"],
    ["one\ntwo", "one"],
    ["\none\ntwo", "\none"],
    ["x".repeat(5000), "x".repeat(2048)],
    [`${"x".repeat(1900)} ${"y".repeat(500)}`, "x".repeat(1900)],
    ["é".repeat(3000), "é".repeat(1024)],
    [`x${"é".repeat(3000)}`, `x${"é".repeat(1023)}`],
    [`xyz${"\u{1f600}".repeat(3000)}`, `xyz${"\u{1f600}".repeat(511)}`],
  ])("of line %#", (line, expected) => {
    expect(textOf(line)).toBe(expected);
  });

  test("of a part of the bytes is no more than the part", () => {
    const bytes = Buffer.from("\u001b[1mone two\u001b[0m\nthree");
    expect(spanText(patternText({ bytes, start: 4, end: 9 }))).toBe("one t");
  });
});

function macAddress(): fc.Arbitrary<string> {
  const pair = fc.integer({ min: 0, max: 255 }).map((n) => n.toString(16).padStart(2, "0"));
  return fc.array(pair, { minLength: 6, maxLength: 6 }).map((pairs) => pairs.join(":"));
}
