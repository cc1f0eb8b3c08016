import { expect, test } from "vitest";
import { agentConfigSchema } from "../../../agent/config/agent-config.ts";
import type { Membership } from "../../../agent/identity/identity-file.ts";
import { requireMemberships } from "../../../agent/identity/membership-check.ts";

const membership = (aggregator: string, node = "n1"): Membership => ({
  aggregator,
  node,
  privateKeyPem: "",
  certificatePem: "",
  authoritiesPem: "",
  issuedMs: 0,
  notAfterMs: 0,
});

const check = (config: object, ...memberships: Membership[]) =>
  requireMemberships(agentConfigSchema.parse({ node: "n1", ...config }), memberships);

test("another machine is sent to by who has joined it, or has said that it may be insecure", () => {
  const several = ["127.0.0.1:1", "10.0.0.5:1", "10.0.0.6:1"];
  expect(() => check({ aggregator: "127.0.0.1:1" })).not.toThrow();
  expect(() => check({ aggregator: several })).toThrow(/10\.0\.0\.5:1 is not this machine/);
  expect(() => check({ aggregator: several, insecure: true })).not.toThrow();
  const both = [membership("10.0.0.5:1"), membership("10.0.0.7:1")];
  expect(() => check({ aggregator: several }, ...both)).toThrow(
    /10\.0\.0\.6:1 is not this machine/,
  );
  expect(() => check({ aggregator: several.slice(0, 2) }, ...both)).not.toThrow();
});

test("who has joined is sent for under no other name", () => {
  const joined = membership("10.0.0.5:1", "n2");
  expect(() => check({ aggregator: "10.0.0.5:1" }, joined)).toThrow(/joined 10\.0\.0\.5:1 as n2/);
});
