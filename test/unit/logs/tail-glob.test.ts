import fc from "fast-check";
import { expect, test } from "vitest";
import { expandBraces, matchesName, matchesPath } from "../../../agent/logs/tail/glob.ts";
import { OperationalError } from "../../../shared/errors.ts";

test.each([
  ["*.log", "a.log", true],
  ["*.log", "a.log.1", false],
  ["*.log", ".hidden.log", false],
  [".*", ".hidden", true],
  ["a?c", "abc", true],
  ["a?c", "ac", false],
  ["[a-c]x", "bx", true],
  ["[!a-c]x", "bx", false],
  ["[^a-c]x", "dx", true],
  ["[]]", "]", true],
  ["[a-]", "-", true],
  ["[", "[", true],
  ["[a", "[a", true],
  ["*", "", true],
  ["**", "anything", true],
  ["*a*b*c*", "xxaxxbxxc", true],
  ["*a*b*c*", "xxaxxcxxb", false],
  ["*", "two\nlines", true],
  ["two?lines", "two\nlines", true],
  ["a.c", "abc", false],
  ["a+(b)|c$", "a+(b)|c$", true],
] as const)("the name pattern %j and the name %j: %s", (pattern, name, isMatch) => {
  expect(matchesName(pattern, name)).toBe(isMatch);
});

test.each([
  ["/var/log/*.log", "/var/log/a.log", true],
  ["/var/log/*.log", "/var/log/sub/a.log", false],
  ["/var/**/*.log", "/var/a.log", true],
  ["/var/**/*.log", "/var/a/b/c.log", true],
  ["/var/**", "/var/a/b/c", true],
  ["/**/x/**/y", "/a/x/b/x/c/y", true],
  ["/**/x/**/y", "/a/x/b/z", false],
  ["//var///log", "/var/log", true],
] as const)("the pattern %j and the path %j: %s", (pattern, path, isMatch) => {
  expect(matchesPath(pattern, path)).toBe(isMatch);
});

test.each([
  ["/a/{b,c}.log", ["/a/b.log", "/a/c.log"]],
  ["/{a,b}/{c,d}", ["/a/c", "/a/d", "/b/c", "/b/d"]],
  ["/{a,{b,c}}", ["/a", "/b", "/c"]],
  ["/a{,.1}", ["/a", "/a.1"]],
  ["/a{b", ["/a{b"]],
  ["/a}b", ["/a}b"]],
  ["/{}", ["/"]],
] as const)("the braces of %j stand for %j", (pattern, expected) => {
  expect([...expandBraces(pattern)].sort()).toEqual([...expected]);
});

test.each([
  ["relative/*.log", "Pattern is not an absolute path"],
  [`/${"a".repeat(2000)}`, "Pattern has over 1024 characters"],
  [`/${"{a,b}".repeat(20)}`, "Pattern has over 64 alternatives"],
  [
    `/{${Array.from({ length: 500 }, (_, n) => n % 10).join()}}`,
    "Pattern has over 64 alternatives",
  ],
])("the pattern %.20j is refused", (pattern, message) => {
  expect(() => expandBraces(pattern)).toThrow(OperationalError);
  expect(() => expandBraces(pattern)).toThrow(message);
});

/** What a pattern of `*`, `?` and letters means, with the engine of the language. */
const asExpression = (pattern: string) =>
  new RegExp(`^${pattern.replaceAll("*", "[^]*").replaceAll("?", "[^]")}$`);

test("a name matches as a regular expression of the same meaning says", () => {
  const pattern = fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 10 });
  const name = fc.string({ unit: fc.constantFrom("a", "b", "\n"), maxLength: 14 });
  fc.assert(
    fc.property(pattern, name, (one, text) => {
      expect(matchesName(one, text)).toBe(asExpression(one).test(text));
    }),
    { numRuns: 500 },
  );
});

test("a hostile pattern takes no more steps than the product of the lengths", () => {
  const pattern = `${"*a".repeat(500)}b`;
  let reads = 0;
  const name = new Proxy(Object("a".repeat(255)), {
    get: (target, key) => {
      if (typeof key === "string" && /^\d+$/.test(key)) reads += 1;
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  expect(matchesName(pattern, name)).toBe(false);
  expect(reads).toBeLessThan(2 * pattern.length * 255);
});

test("any text is a pattern or refused, and never fails otherwise", () => {
  const text = fc.string({ unit: fc.constantFrom(..."ab/*?[]!^-{},\\\n\u{1f600}"), maxLength: 40 });
  fc.assert(
    fc.property(text, text, (one, path) => {
      try {
        for (const pattern of expandBraces(`/${one}`)) matchesPath(pattern, `/${path}`);
      } catch (error) {
        expect(error).toBeInstanceOf(OperationalError);
      }
    }),
  );
});
