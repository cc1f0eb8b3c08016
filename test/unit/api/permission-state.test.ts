import { expect, test } from "vitest";
import { httpRole, refusalOf } from "../../../aggregator/api/permission-state.ts";

test.each([
  ["GET", "/api/v1/query", "viewer"],
  ["POST", "/api/v1/query", "viewer"],
  ["GET", "/api/v1/services", "viewer"],
  ["GET", "/api/v2/silences", "viewer"],
  ["HEAD", "/api/v2/alerts", "viewer"],
  ["POST", "/api/v2/silences", "operator"],
  ["POST", "/api/v2/alerts", "operator"],
  ["DELETE", "/api/v2/silence/:id", "operator"],
  ["POST", "/loki/api/v1/push", "operator"],
  ["POST", "/api/telltale/v1/receivers/test", "operator"],
  ["GET", "/api/telltale/v1/notifications", "viewer"],
  ["GET", "/system", "nothing"],
  ["POST", "/api/v1/write", "operator"],
  ["POST", "/-/reload", "admin"],
  ["GET", "", "viewer"],
])("%s %s is for the role %s", (method, pattern, role) => {
  expect(httpRole(method, pattern)).toBe(role);
});

test.each([
  ["List", true],
  ["Silences", true],
  ["Deliveries", true],
  ["SetSilence", false],
  ["ExpireSilence", false],
  ["Acknowledge", false],
  ["TestReceiver", false],
  ["Preview", false],
  ["WhateverComesLater", false],
])("whether a viewer may call Alerts.%s: %s", (method, isAllowed) => {
  const path = `/telltale.v1.Alerts/${method}`;
  const refusal = (role: "viewer" | "operator") =>
    refusalOf({ kind: "person", name: "v", role }, path);
  expect(refusal("viewer") === null).toBe(isAllowed);
  expect(refusal("operator")).toBeNull();
  expect(refusalOf({ kind: "agent", node: "n" }, path)?.code).toBe("FORBIDDEN");
});

test("a viewer may see the services, an agent may not", () => {
  const path = "/telltale.v1.Services/List";
  expect(refusalOf({ kind: "person", name: "v", role: "viewer" }, path)).toBeNull();
  expect(refusalOf({ kind: "agent", node: "n" }, path)?.code).toBe("FORBIDDEN");
});
