import { inspect } from "node:util";
import { expect, test } from "vitest";
import { agentConfigSchema } from "../../../agent/config/agent-config.ts";
import { loadConfig } from "../../../shared/config/load-config.ts";
import { parseAddress } from "../../../shared/model/address.ts";
import { isRenewalDue } from "../../../shared/model/certificate-life.ts";
import { Secret } from "../../../shared/secret.ts";
import { formatJoinToken, parseJoinToken } from "../../../shared/wire/join-token.ts";

test("a secret is shown by nothing that prints", () => {
  const secret = new Secret("hush");
  const shown = [String(secret), `${secret}`, JSON.stringify({ secret }), inspect({ secret })];
  expect(shown.join(" ")).not.toContain("hush");
  expect(Object.keys(secret)).toEqual([]);
  expect(secret.reveal()).toBe("hush");
});

test("a join token is one word and comes back whole", () => {
  const token = { secret: new Uint8Array(24).fill(255), fingerprint: new Uint8Array(32).fill(7) };
  const text = formatJoinToken(token);
  expect(text).toMatch(/^ttj_[\w-]{76}$/);
  expect(parseJoinToken(text).secret).toEqual(Buffer.from(token.secret));
  expect(parseJoinToken(text).fingerprint).toEqual(Buffer.from(token.fingerprint));
});

test.each([
  ["", "Not a join token"],
  ["ttj_", "Not a join token"],
  [`ttu_${"A".repeat(76)}`, "Not a join token"],
  [`ttj_${"A".repeat(75)}`, "Not a join token"],
  [`ttj_${"A".repeat(77)}`, "Not a join token"],
  [`ttj_${"A".repeat(75)}!`, "Not a join token"],
  [`ttj_Ag${"A".repeat(74)}`, "of version 2"],
])("%j is no join token", (text, why) => {
  expect(() => parseJoinToken(text)).toThrow(why);
});

test.each([
  [0, false],
  [199, false],
  [200, true],
  [301, true],
])("of a certificate from 0 to 300, renewal is due at %d: %s", (nowMs, isDue) => {
  expect(isRenewalDue({ issuedMs: 0, notAfterMs: 300 }, nowMs)).toBe(isDue);
});

test.each([
  ["monitor", { host: "monitor", port: 7070 }],
  ["10.0.0.5:1", { host: "10.0.0.5", port: 1 }],
  ["[::1]", { host: "::1", port: 7070 }],
  ["[::1]:9", { host: "::1", port: 9 }],
  ["::1", null],
  ["a:0", { host: "a", port: 0 }],
  ["a:65536", null],
  ["https://a", null],
  ["", null],
])("%j as an address is %j", (text, expected) => {
  expect(parseAddress(text, 7070)).toEqual(expected);
});

test("what the join has said holds only where the configuration says nothing", () => {
  const defaults = [
    { source: "identity.json", path: ["aggregator"], text: "a:1" },
    { source: "identity.json", path: ["node"], text: '"n1"' },
  ];
  const file = { path: "agent.yaml", text: "aggregator: b:2\n" };
  const config = loadConfig(agentConfigSchema, file, [], defaults);
  expect(config).toMatchObject({ aggregator: { addresses: [{ host: "b", port: 2 }] }, node: "n1" });
});
