import { expect, test } from "vitest";
import { checkedTable } from "../../../aggregator/ingest/series-table.ts";
import { labelsOf } from "../../../shared/model/labels.ts";

const isOther = (name: string) => name === "db-1";

function labelsTaken(record: Readonly<Record<string, string>>) {
  const series = [{ id: 0, group: 0, scale: 0, labels: [...labelsOf(record)] }];
  return checkedTable({ epoch: 1, series }, isOther)[0]?.labels;
}

test("what is scraped keeps its instance, but nobody is another node", () => {
  const scraped = { __name__: "up", instance: "10.0.0.1:9100", job: "node" };
  expect(labelsTaken(scraped)).toEqual(labelsOf(scraped));
  const { instance, ...own } = { ...scraped, instance: "db-1" };
  expect(labelsTaken({ ...own, instance })).toEqual(
    labelsOf({ ...own, exported_instance: instance }),
  );
  expect(labelsTaken(own)).toEqual(labelsOf(own));
});
