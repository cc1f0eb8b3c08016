import fc from "fast-check";
import { expect, test } from "vitest";
import {
  barStep,
  barsOf,
  barWindow,
  sumOf,
} from "../../../aggregator/web/page/logs/histogram-bars.ts";
import {
  clipped,
  oneLine,
  pieces,
  plainText,
} from "../../../aggregator/web/page/logs/line-text.ts";
import {
  begunAnew,
  joined,
  type LogLine,
  linesOf,
  withNewer,
} from "../../../aggregator/web/page/logs/log-lines.ts";
import { rowPlaces } from "../../../aggregator/web/page/logs/row-places.ts";

const stream = { app: "a", detected_level: "notice" };
const line = (time: number, text: string): LogLine => {
  return {
    time: `${1_700_000_000 + time}000000000`,
    timeMs: 0,
    text,
    labels: {},
    severity: "info",
  };
};
const texts = (lines: readonly LogLine[]) => lines.map(({ text }) => text).join("");

test("lines of several streams are in the order of their times", () => {
  const at = (time: number) => `${1_700_000_000 + time}000000000`;
  const streams = [
    {
      stream,
      values: [
        [at(2), "c"],
        [at(1), "b"],
        [at(1), "a"],
      ],
    },
    { stream: { app: "b" }, values: [[at(3), "d"]] },
  ] as const;
  const lines = linesOf(streams, "backward");
  expect(texts(lines)).toBe("abcd");
  expect(lines[0]).toMatchObject({ timeMs: 1_700_000_001_000, severity: "info" });
  expect(lines[3]?.severity).toBe("unknown");
});

test("a page that begins or ends among lines of one time gives each of them once", () => {
  const all = [line(1, "a"), line(1, "a"), line(1, "b"), line(2, "c"), line(2, "c"), line(3, "d")];
  for (let cut = 1; cut < all.length; cut += 1) {
    const [old, young] = [all.slice(0, cut), all.slice(cut)];
    const edge = young[0]?.time ?? "";
    const before = joined(
      young,
      all.filter(({ time }) => time <= edge),
      "older",
    );
    expect(texts(before)).toBe(texts(all));
    const last = old.at(-1)?.time ?? "";
    expect(
      texts(
        joined(
          old,
          all.filter(({ time }) => time >= last),
          "newer",
        ),
      ),
    ).toBe(texts(all));
  }
});

test("a tail takes up where the lines that were read end, and the oldest make room", () => {
  const read = [line(1, "a"), line(2, "b"), line(3, "c")];
  expect(texts(begunAnew(read, [line(3, "c"), line(4, "d")]))).toBe("abcd");
  expect(texts(begunAnew(read, []))).toBe("abc");
  expect(texts(withNewer(read, [line(2, "x"), line(4, "d")], 4))).toBe("bxcd");
});

test.each([
  ["\u001b[31mred\u001b[0m \u001b]8;;http://x\u0007link\u001b]8;;\u001b\\", "red link"],
  ["a\u0000b\u0007c\u001b", "a␀b␇c␛"],
  ["bell\u007f \u0085", "bell␡ \ufffd"],
  ["a\r\nb\rc\td", "a\nb\nc\td"],
])("escapes and control characters are no more than text: %j", (text, expected) => {
  expect(plainText(text)).toBe(expected);
});

test("nothing that a terminal would obey is left, and nothing that is clipped is cut in two", () => {
  const any = fc.string({ unit: "binary", maxLength: 60 });
  fc.assert(
    fc.property(any, fc.nat(60), (text, most) => {
      expect(plainText(`${text}\u001b[2J`)).not.toMatch(/(?![\t\n])\p{Cc}/u);
      const { text: shown, isClipped } = clipped(text, most);
      expect(text.startsWith(shown)).toBe(true);
      expect(isClipped).toBe(text.length > most);
      expect(shown.at(-1) ?? "").not.toMatch(/[\ud800-\udbff]$/);
    }),
  );
});

test("pieces make the text again, and those that were looked for are marked", () => {
  expect(oneLine("a\n\tb \n")).toBe("a ↵ b");
  const found = pieces("xabxabc", ["ab", "abc", ""]);
  expect(found.map(({ text }) => text).join("")).toBe("xabxabc");
  expect(found.filter(({ isMatch }) => isMatch).length).toBe(2);
  expect(pieces("", ["a"])).toEqual([{ text: "", isMatch: false }]);
});

test("bars are of whole steps, and a line counts where its step ends", () => {
  expect(barStep(3_600_000, 90)).toBe(60_000);
  expect(barStep(7 * 86_400_000, 90)).toBe(7_200_000);
  const window = barWindow({ fromMs: 61_000, toMs: 299_000 }, 60_000);
  expect(window).toEqual({ fromMs: 120_000, toMs: 300_000, stepMs: 60_000 });
  const series = [
    {
      metric: { detected_level: "critical" },
      values: [
        [180, "3"],
        [999, "9"],
      ],
    },
  ] as const;
  const { bars, totals } = barsOf(series, window);
  expect(bars.length).toBe(4);
  expect(bars[1]).toMatchObject({ fromMs: 120_000, toMs: 180_000, counts: { fatal: 3 } });
  expect([totals.fatal, sumOf(totals)]).toEqual([3, 3]);
});

test("rows stand below each other, also where some are higher", () => {
  const extras = fc.array(fc.tuple(fc.nat(19), fc.nat(100)), { maxLength: 4 });
  fc.assert(
    fc.property(extras, (given) => {
      const places = rowPlaces(20, 10, new Map(given));
      for (let row = 0; row < 20; row += 1) {
        const top = places.topOf(row);
        expect(places.rowAt(top)).toBe(row);
        expect(places.rowAt(places.topOf(row + 1) - 1)).toBe(row);
        expect(places.topOf(row + 1) - top).toBe(10 + (new Map(given).get(row) ?? 0));
      }
      expect(places.heightPx).toBe(places.topOf(20));
    }),
  );
});
