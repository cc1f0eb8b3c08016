import fc from "fast-check";
import { expect, test } from "vitest";
import { markdownText, mrkdwnText } from "../../../../aggregator/notify/templates/markup.ts";

/** Invisible characters made visible. */
const shown = (text: string) => text.replaceAll("\u200b", "·");

test.each([
  ["node_cpu_seconds on db-1:9100 (eu)", "node_cpu_seconds on db-1:9100 (eu)"],
  ["_all_ *b* `c` ~d~ a|b \\", "\\_all\\_ \\*b\\* \\`c\\` \\~d\\~ a\\|b \\\\"],
  ["[x](http://evil.example)", "[x]·(http://evil.example)"],
  ["![x](http://evil.example/i.png)", "!·[x]·(http://evil.example/i.png)"],
  ["[x][y] [x]: http://evil.example", "[x]·[y] [x]·: http://evil.example"],
  ["<a href=x> <@7> <!channel>", "<·a href=x> <·@·7> <·!channel>"],
  ["&lt;at id=all&#62;", "&·lt;at id=all&·#·62;"],
  ["@everyone a@b.example #general", "@·everyone a@b.example #·general"],
  ["a\n\n# b\r\n- c", "a # b - c"],
  ["# a", "·# a"],
  ["> a", "·> a"],
  ["- a", "·- a"],
  ["12. a", "·12. a"],
  ["-12.5", "-12.5"],
  ["ends in ]", "ends in ]·"],
])("%j in Markdown is %j", (text, expected) => {
  expect(shown(markdownText(text))).toBe(expected);
});

test("whatever a value is, Markdown finds nothing in it, and people read what it is", () => {
  const fragments = [..."[]()!<>@#&*_`~|\\:- \nax1", "](http://x)", "<at id=all>", "&#91;"];
  const hostile = fc.array(fc.constantFrom(...fragments), { size: "max", maxLength: 16 });
  fc.assert(
    fc.property(hostile, (parts) => {
      const value = parts.join("");
      const text = markdownText(value);
      expect(text).not.toMatch(/\n|\][([:]|!\[|<[^\u200b]|&[#\w]|(?<![\p{L}\p{N}_])@\w/u);
      const unescaped = text.replace(/\\[\\*`~|_]/g, "");
      expect(unescaped).not.toMatch(/[\\*`~|]/);
      const read = text.replaceAll("\u200b", "").replace(/\\([\\*`~|_])/g, "$1");
      expect(read.trim()).toBe(value.replace(/\n+/g, " ").trim());
    }),
    { numRuns: 1000 },
  );
});

test("Slack's control characters are written as entities", () => {
  expect(mrkdwnText("<!channel> & <http://x|y> \"'")).toBe(
    "&lt;!channel&gt; &amp; &lt;http://x|y&gt; \"'",
  );
});
