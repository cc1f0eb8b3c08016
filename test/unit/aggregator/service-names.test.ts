import { expect, test } from "vitest";
import { withServiceName } from "../../../aggregator/service-names.ts";
import { labelsOf, labelValue } from "../../../shared/model/labels.ts";

test.each([
  [{ service: "a", app: "b" }, "a"],
  [{ container: "c", job: "d" }, "c"],
  [{ job: "d" }, "d"],
  [{ service_name: "own", service: "a" }, "own"],
  [{ instance: "x" }, "unknown_service"],
])("the service of %j is %s", (record, expected) => {
  const labels = labelsOf(record as Record<string, string>);
  const named = withServiceName(labels);
  expect(labelValue(named, "service_name")).toBe(expected);
  expect(withServiceName(labels)).toBe(named);
});
