import { expect, test } from "vitest";
import { AlertTexts } from "../../../aggregator/rules/alert-texts.ts";
import { compileAlertTemplate } from "../../../aggregator/template/alert-template.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { labelsOf } from "../../../shared/model/labels.ts";

const EXTERNAL = { labels: [], url: "" };
const SAMPLE = { labels: labelsOf({ disk: "a" }), value: 1 };

test("templates of one evaluation share the results of their queries", async () => {
  const asked: string[] = [];
  const texts = new AlertTexts(EXTERNAL, 0, async (query) => {
    asked.push(query);
    return [{ labels: [], value: asked.length }];
  });
  const template = compileAlertTemplate(
    "{{ query `x` | first | value }} {{ range query `y` }}{{ .Value }}{{ end }} {{ $labels.disk }}",
  );
  expect(await texts.expand(template, SAMPLE)).toBe("1 2 a");
  expect(await texts.expand(template, { ...SAMPLE, labels: labelsOf({ disk: "b" }) })).toBe(
    "1 2 b",
  );
  expect(asked).toEqual(["x", "y"]);
});

test("a query that fails is asked once, and the text says why", async () => {
  let count = 0;
  const texts = new AlertTexts(EXTERNAL, 0, async () => {
    count += 1;
    throw new OperationalError("QUERY", "PromQL 1:1: no");
  });
  const template = compileAlertTemplate("{{ query `x` }}");
  const expected = "<error expanding template: PromQL 1:1: no>";
  expect(await texts.expand(template, SAMPLE)).toBe(expected);
  expect(await texts.expand(template, SAMPLE)).toBe(expected);
  expect(count).toBe(1);
});

test("the queries of one evaluation are bounded", async () => {
  let count = 0;
  const texts = new AlertTexts(EXTERNAL, 0, async () => {
    count += 1;
    return [];
  });
  const template = compileAlertTemplate("{{ query $labels.disk }}");
  for (let i = 0; i < 150; i += 1) {
    await texts.expand(template, { ...SAMPLE, labels: labelsOf({ disk: String(i) }) });
  }
  expect(count).toBe(100);
  const last = await texts.expand(template, { ...SAMPLE, labels: labelsOf({ disk: "last" }) });
  expect(last).toContain("over 100 queries in one evaluation");
});
