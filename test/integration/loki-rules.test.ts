import { expect, test } from "vitest";
import { eventually } from "../support/programs.ts";
import { LokiBed } from "./loki-bed.ts";

const RULES = `
groups:
  - name: logs
    interval: 200ms
    rules:
      - alert: Errors
        expr: sum by (app) (count_over_time({app="api"} |= "error" [3s])) > 1
        labels: { severity: page }
        annotations: { summary: "{{ $value }} errors of {{ $labels.app }}" }
      - record: app:lines:count1m
        expr: sum by (app) (count_over_time({app=~".+"} |= "" [1m]))
`;

test("a rule on lines fires, is recorded, and ends with them", async () => {
  const bed = await LokiBed.start(RULES);
  const start = Date.now();
  await bed.pushLines({ app: "api" }, [
    [start - 1, "an error"],
    [start, "another error"],
    [start, "nothing"],
  ]);
  const isTold = (status: string) => bed.posted.some((one) => one.status === status);
  await eventually(() => isTold("firing"));
  expect(bed.posted[0]).toMatchObject({
    alerts: [
      {
        labels: { alertname: "Errors", app: "api", severity: "page" },
        annotations: { summary: "2 errors of api" },
      },
    ],
  });
  // It is recorded in the same second, or the next one.
  const recorded = async () =>
    (await bed.get("/api/v1/query?query=app:lines:count1m")).body.data.result;
  await eventually(async () => (await recorded()).length === 1);
  expect(await recorded()).toMatchObject([
    { metric: { app: "api" }, value: [expect.anything(), "3"] },
  ]);
  const { body } = await bed.get("/api/v1/rules");
  const group = body.data.groups.find(({ name }: { name: string }) => name === "logs");
  expect(group.rules).toMatchObject([
    {
      query: 'sum by (app) (count_over_time({app="api"} |= "error" [3s])) > 1',
      health: "ok",
      state: "firing",
    },
    { query: 'sum by (app) (count_over_time({app=~".+"} |= "" [1m]))', health: "ok" },
  ]);
  // Nothing more is logged: that is no missing data to it.
  await eventually(() => isTold("resolved"));
});

test("a rule that is PromQL and LogQL keeps the aggregator from starting, with its place", async () => {
  const text = RULES.replace('|= "error"', "");
  await expect(LokiBed.start(text)).rejects.toThrow(
    "rules.yaml:7: groups[0].rules[0].expr: The expression is PromQL and LogQL",
  );
});
