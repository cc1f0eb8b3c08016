import { expect, test } from "vitest";
import { parsePromql } from "../../../aggregator/promql/parse.ts";
import {
  CONTAINER_QUERIES,
  type ContainerVectors,
  containerColumns,
} from "../../../aggregator/web/container-columns.ts";
import { ContainerList } from "../../../aggregator/web/container-list.ts";
import { containerRows } from "../../../aggregator/web/page/containers/container-rows.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const NAMES = Object.keys(CONTAINER_QUERIES) as (keyof ContainerVectors)[];

function vectorsOf(given: Partial<ContainerVectors>): ContainerVectors {
  const none = Object.fromEntries(NAMES.map((name) => [name, []]));
  return { ...none, ...given } as unknown as ContainerVectors;
}

const sample = (labels: Record<string, string>, value = 1) => ({
  labels: labelsOf(labels),
  value,
});

test("every query is PromQL", () => {
  for (const text of Object.values(CONTAINER_QUERIES)) parsePromql(text);
});

test("what runs and what has stopped is listed, by node and name, with what is known of it", () => {
  const web = { instance: "b", id: "/1", name: "web", image: "web:1", service: "shop" };
  const db = { instance: "a", id: "/2", name: "db", image: "db:1" };
  const columns = containerColumns(
    vectorsOf({
      seen: [sample(web)],
      state: [sample({ ...db, state: "exited" })],
      cpu: [sample({ instance: "b", id: "/1" }, 0.12345), sample({ instance: "c", id: "/1" }, 9)],
      memoryLimit: [sample(web, Number.NaN)],
    }),
    5,
  );
  expect(columns).toMatchObject({ timeMs: 5, total: 2 });
  expect(containerRows(columns)).toMatchObject([
    { node: "a", name: "db", state: "exited", service: "", cpu: null },
    { node: "b", name: "web", state: "running", service: "shop", cpu: 0.123, memoryLimit: null },
  ]);
});

test("the same id on two nodes is two containers", () => {
  const seen = ["a", "b"].map((instance) => sample({ instance, id: "/1", name: "x", image: "i" }));
  expect(containerRows(containerColumns(vectorsOf({ seen }), 0))).toHaveLength(2);
});

test("many who ask at once are answered by one look, and nobody gets an old answer", async () => {
  const clock = new FakeClock();
  let asked = 0;
  await using list = new ContainerList({
    compile: () => ({
      instant: async (timeMs) => {
        asked += 1;
        return { type: "vector", timeMs, samples: [], warnings: [] };
      },
    }),
    clock,
  });
  await Promise.all([list.text(), list.text(), list.text()]);
  expect(asked).toBe(NAMES.length);
  await clock.advance(6000);
  await list.text();
  expect(asked).toBe(2 * NAMES.length);
});

test("after a look that failed the next one who asks has another", async () => {
  const clock = new FakeClock();
  let isBroken = true;
  await using list = new ContainerList({
    compile: () => ({
      instant: async (timeMs) => {
        if (isBroken) throw new Error("disk");
        return { type: "vector", timeMs, samples: [], warnings: [] };
      },
    }),
    clock,
  });
  await expect(list.text()).rejects.toThrow("disk");
  isBroken = false;
  await clock.advance(6000);
  expect(JSON.parse(await list.text())).toMatchObject({ total: 0 });
});
