import { expect, test } from "vitest";
import { StatsdBed } from "../../support/statsd-bed.ts";

async function valuesAfter(...datagrams: (string | Buffer)[]) {
  const bed = new StatsdBed();
  await using _listening = await bed.listen();
  await bed.send(...datagrams);
  return { values: bed.values, refused: bed.refused, bed };
}

test.each<[string, Record<string, number>]>([
  ["a:1|c\na:2|c", { a: 3 }],
  ["shop.checkout-time:1|c", { shop_checkout_time: 1 }],
  ["a--b.c:1|c", { a_b_c: 1 }],
  ["404.errors:1|c", { _404_errors: 1 }],
  ["naïve:1|c", { na_ve: 1 }],
  ["a:1|c|@0.1", { a: 10 }],
  ["a:0.5|c", { a: 0.5 }],
  ["a:5|g", { a: 5 }],
  ["a:5|g\na:+2|g\na:-3|g", { a: 4 }],
  ["a:-3|g", { a: -3 }],
  ["a:5|g|@0.1", { a: 5 }],
  ["a:1|c|#b:c,d:e", { "a{b:c,d:e}": 1 }],
  ["a:1|c|#d:e,b:c\na:1|c|@0.5|#b:c,d:e", { "a{b:c,d:e}": 3 }],
  ["a:1|c|#b:c|@0.5", { "a{b:c}": 2 }],
  ["a:1|c|#url:http://x/y", { "a{url:http://x/y}": 1 }],
  ["a:1|c|#canary", { "a{canary:true}": 1 }],
  ["a:1|c|#x.y:ü", { "a{x_y:ü}": 1 }],
  ["a:1|c|#", { a: 1 }],
  ["a,b=c,d=e:1|c", { "a{b:c,d:e}": 1 }],
  ["a#b=c:1|c", { "a{b:c}": 1 }],
  ["a:1:2:3|c", { a: 6 }],
  ["a:1|c|T1700000000|c:ci-123|e:it-false|card:low", { a: 1 }],
  ["a:1|c:2|c|@0.5:3|c", { a: 8 }],
  ["a:1|c\n\na:1|c\n", { a: 2 }],
  ["a:1|c\r\nb:2|c|#x:y\r\n\r\na:1|c\r", { a: 2, "b{x:y}": 2 }],
  ["a:1e3|c", { a: 1000 }],
  ["a:1|c|#__proto__:x,constructor:y", { "a{__proto__:x,constructor:y}": 1 }],
  ["__proto__:1|c", { __proto__x: 0 }],
])("%j is taken", async (text, expected) => {
  const { values, refused } = await valuesAfter(text);
  expect(refused).toEqual({});
  if ("__proto__x" in expected) expect(Object.keys(values)).toEqual(["__proto__"]);
  else expect(values).toEqual(expected);
});

test("timers are in seconds, the others as they are; a rate counts for as many", async () => {
  const { values } = await valuesAfter("t:5:250|ms|@0.5", "h:2|h", "d:20|d|#x:y");
  expect(values).toEqual({
    "t_bucket{le:0.01}": 2,
    "t_bucket{le:0.1}": 2,
    "t_bucket{le:1}": 4,
    "t_bucket{le:+Inf}": 4,
    t_sum: 0.51,
    t_count: 4,
    "h_bucket{le:1}": 0,
    "h_bucket{le:10}": 1,
    "h_bucket{le:+Inf}": 1,
    h_sum: 2,
    h_count: 1,
    "d_bucket{le:1,x:y}": 0,
    "d_bucket{le:10,x:y}": 0,
    "d_bucket{le:+Inf,x:y}": 1,
    "d_sum{x:y}": 20,
    "d_count{x:y}": 1,
  });
});

test("a bucket has what is equal to its bound, as in Prometheus", async () => {
  const { values } = await valuesAfter("h:10|h");
  expect(values).toMatchObject({ "h_bucket{le:1}": 0, "h_bucket{le:10}": 1 });
});

test.each([
  ["a", "form"],
  ["a:1", "form"],
  [":1|c", "form"],
  ["\u0000\u0001\u0002", "form"],
  ["a:1|", "type"],
  ["a:1|m", "type"],
  ["a:1|C", "type"],
  ["a:1|c|x", "section"],
  ["a:1|c|Tomorrow", "section"],
  ["a:1|c|", "section"],
  ["a:1|c|@0", "sample_rate"],
  ["a:1|c|@2", "sample_rate"],
  ["a:1|c|@1e-300", "sample_rate"],
  ["a:1|c|@", "sample_rate"],
  ["a:|c", "value"],
  ["a:NaN|c", "value"],
  ["a:Infinity|g", "value"],
  ["a:1e999|c", "value"],
  ["a:0x10|c", "value"],
  ["a: 1|c", "value"],
  ["a:1 |c", "value"],
  ["a:1_000|c", "value"],
  ["a:1e308:1e308|c", "value"],
  ["a:-1|c", "negative_counter"],
  ["a:1|c|#:x", "tags"],
  ["a:1|c|#__name__:x", "tags"],
  ["a:1|h|#le:1", "tags"],
  ["a:1|c|#x:\u0000", "tags"],
  ["a,b=c:1|c|#d:e", "tags"],
  ["a#b=c:1|c|#d:e", "tags"],
  [",b=c:1|c", "name"],
  [`${"n".repeat(60_000)}:1|c`, "too_long"],
  [`a:1|c|#${"t".repeat(300)}:1`, "label_length"],
  [`a:1|c|#t:${"v".repeat(5000)}`, "label_length"],
  [`a:1|c|#${Array.from({ length: 70 }, (_, i) => `t${i}:1`)}`, "labels"],
  [`a:${"m".repeat(300)}|s`, "too_long"],
  ["a:|s", "value"],
])("%j is refused: %s", async (text, reason) => {
  const { refused } = await valuesAfter(text, "good:1|c");
  expect(refused).toEqual({ [reason]: 1 });
});

test("what is not UTF-8 is refused, and the lines beside it are taken", async () => {
  const bad = Buffer.from([0x61, 0xff, 0x3a, 0x31, 0x7c, 0x63]);
  const { values, refused } = await valuesAfter(Buffer.concat([bad, Buffer.from("\ngood:1|c")]));
  expect(values).toEqual({ good: 1 });
  expect(refused).toEqual({ encoding: 1 });
});

test("events and service checks are counted, not taken", async () => {
  const { values, refused, bed } = await valuesAfter(
    "_e{5,4}:title|text|#a:b\n_e{1,1}:a|b",
    "_sc|db.up|0|#x:y|m:down",
    "_sc|db.up|2",
  );
  expect(values).toEqual({});
  expect(refused).toEqual({});
  expect(bed.count("telltale_agent_statsd_other_total")).toBe(4);
});

test("a datagram that was longer than any may be is refused whole", async () => {
  const { refused } = await valuesAfter("cut", "a:1|c");
  expect(refused).toEqual({ too_long: 1 });
});

test("labels that are the agent's own words can be said, and otherwise job is statsd", async () => {
  const bed = new StatsdBed();
  await using _listening = await bed.listen();
  await bed.send("a:1|c|#service:shop\nb:1|c|#job:web,instance:pod-1");
  expect([...bed.sink.series.keys()]).toEqual([
    "a{job:statsd,service:shop}",
    "b{instance:pod-1,job:web}",
  ]);
});
