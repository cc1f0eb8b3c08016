import { expect, test } from "vitest";
import { byLatest, csvOf, seriesText } from "../../../aggregator/web/page/explore/query-answer.ts";

const series = (metric: Record<string, string>, ...values: [number, string][]) => ({
  metric,
  values,
});
const timeText = (timeMs: number) => `${timeMs} ms`;

test("the highest comes first, and what is no number last", () => {
  const all = [
    series({ a: "1" }, [1, "NaN"]),
    series({ a: "2" }, [1, "5"], [2, "1"]),
    series({ a: "3" }, [1, "+Inf"]),
  ];
  expect(byLatest([...all, series({ a: "4" })]).map(({ metric }) => metric["a"])).toEqual([
    "3",
    "2",
    "1",
    "4",
  ]);
});

test("a file for spreadsheets has a row a sample, and no label computes there", () => {
  const csv = csvOf(
    [
      series({ __name__: "up", job: "=1+1" }, [0, "1"], [1.5, "0"]),
      series({ path: 'a,"b"\n' }, [0, "NaN"]),
    ],
    timeText,
  );
  expect(csv.split("\r\n")).toEqual([
    "time,value,__name__,job,path",
    "0 ms,1,up,'=1+1,",
    "1500 ms,0,up,'=1+1,",
    '0 ms,NaN,,,"a,""b""\n"',
    "",
  ]);
  expect(csvOf([], timeText)).toBe("time,value\r\n");
});

test("series are written as PromQL has them", () => {
  expect(seriesText({ __name__: "up" })).toBe("up");
  expect(seriesText({ __name__: "up", a: 'b"c' })).toBe('up{a="b\\"c"}');
  expect(seriesText({})).toBe("{}");
});
