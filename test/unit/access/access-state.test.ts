import { expect, test } from "vitest";
import {
  finishedAuthorities,
  joinFault,
  standingOf,
} from "../../../aggregator/access/access-state.ts";
import type { AgentRecord, AuthorityRecord } from "../../../aggregator/access/records.ts";
import { checkedNode, checkedTtl, checkedUserName } from "../../../aggregator/access/requests.ts";
import { type Caller, refusalOf } from "../../../aggregator/api/permission-state.ts";

const QUERY = "/telltale.v1.Query/Nodes";
const STREAM = "/telltale.v1.Ingest/Stream";
const RENEW = "/telltale.v1.Identity/Renew";
const JOIN = "/telltale.v1.Identity/Join";
const ACCESS = "/telltale.v1.Access/AddUser";
const HEALTH = "/grpc.health.v1.Health/Check";

const callers: Readonly<Record<string, Caller>> = {
  nobody: { kind: "nobody", reason: "no-credentials", text: "Who?" },
  local: { kind: "local" },
  agent: { kind: "agent", node: "n1" },
  viewer: { kind: "person", name: "v", role: "viewer" },
  operator: { kind: "person", name: "o", role: "operator" },
  admin: { kind: "person", name: "a", role: "admin" },
};

test.each([
  ["nobody", [JOIN]],
  ["local", [JOIN, QUERY, HEALTH, STREAM, RENEW]],
  ["agent", [JOIN, STREAM, RENEW]],
  ["viewer", [JOIN, QUERY, HEALTH]],
  ["operator", [JOIN, QUERY, HEALTH]],
  ["admin", [JOIN, QUERY, HEALTH, ACCESS]],
])("%s may call exactly %j", (name, allowed) => {
  const caller = callers[name] as Caller;
  const all = [JOIN, QUERY, HEALTH, STREAM, RENEW, ACCESS];
  expect(all.filter((method) => refusalOf(caller, method) === null)).toEqual(
    all.filter((method) => allowed.includes(method)),
  );
});

test("who proves nothing is unauthenticated, who may not is forbidden", () => {
  expect(refusalOf(callers["nobody"] as Caller, QUERY)?.code).toBe("UNAUTHENTICATED");
  expect(refusalOf(callers["viewer"] as Caller, ACCESS)?.code).toBe("FORBIDDEN");
  expect(refusalOf(callers["agent"] as Caller, QUERY)?.text).toContain("Node n1 may send");
});

const token = { hash: "h", node: "", expiresMs: 100, usedMs: 0, usedBy: "" };

test.each([
  ["a fresh token", token, "n1", false, null],
  ["no such token", undefined, "n1", false, "unknown"],
  ["a used token, expired or not", { ...token, usedMs: 5, expiresMs: 9 }, "n1", false, "used"],
  ["an expired token", { ...token, expiresMs: 49 }, "n1", false, "expired"],
  ["a token at its last moment", { ...token, expiresMs: 50 }, "n1", false, null],
  ["another node's token", { ...token, node: "n2" }, "n1", false, "other-node"],
  ["any node's token for a taken name", token, "n1", true, "node-taken"],
  ["the node's own token for its name", { ...token, node: "n1" }, "n1", true, null],
])("%s", (_name, record, node, hasCertificate, reason) => {
  expect(joinFault(record, node, hasCertificate, 50)?.reason ?? null).toBe(reason);
});

const agent = (node: string, authority: string, more: Partial<AgentRecord> = {}): AgentRecord => ({
  fingerprint: `${node}-${authority}`,
  node,
  authority,
  issuedMs: authority === "old" ? 1 : 2,
  notAfterMs: 100,
  revokedMs: 0,
  seenMs: 3,
  ...more,
});

test.each([
  [undefined, "unknown-certificate"],
  [agent("n1", "old"), "good"],
  [agent("n1", "old", { notAfterMs: 49 }), "expired"],
  [agent("n1", "old", { revokedMs: 10 }), "revoked"],
])("a certificate %j is %s", (record, expected) => {
  const standing = standingOf(record, 50);
  expect(standing.kind === "good" ? "good" : standing.reason).toBe(expected);
});

const authority = (fingerprint: string, createdMs: number, notAfterMs = 1000): AuthorityRecord => ({
  fingerprint,
  certificatePem: "",
  privateKeyPem: "",
  createdMs,
  notAfterMs,
});
const both = [authority("new", 2), authority("old", 1)];

test.each([
  ["alone it stays", [authority("old", 1)], [], []],
  ["nobody has joined", both, [], ["old"]],
  ["a node has only its old certificate", both, [agent("n1", "old")], []],
  [
    "the new one was issued and not shown",
    both,
    [agent("n1", "old"), agent("n1", "new", { seenMs: 0 })],
    [],
  ],
  ["the new one was shown", both, [agent("n1", "old"), agent("n1", "new")], ["old"]],
  ["one of two was", both, [agent("n1", "new"), agent("n2", "old")], []],
  [
    "the other is revoked",
    both,
    [agent("n1", "new"), agent("n2", "old", { revokedMs: 4 })],
    ["old"],
  ],
  [
    "the other has ended",
    both,
    [agent("n1", "new"), agent("n2", "old", { notAfterMs: 9 })],
    ["old"],
  ],
  ["the old CA itself has ended", [authority("old", 1, 9), authority("new", 2)], [], ["old"]],
])("an old CA goes or stays: %s", (_name, authorities, agents, expected) => {
  const finished = finishedAuthorities(authorities, agents, 50);
  expect(finished.map(({ fingerprint }) => fingerprint)).toEqual(expected);
});

test("names and times of requests are bounded", () => {
  for (const node of ["", "a b", "ä", "a\n", "x".repeat(254)]) {
    expect(() => checkedNode(node), node).toThrow("Not a node's name");
  }
  expect(checkedNode("web-1.example")).toBe("web-1.example");
  for (const name of ["", "a b", "a/b", "x".repeat(65)]) {
    expect(() => checkedUserName(name), name).toThrow("Not a user's name");
  }
  expect(checkedTtl(0)).toBe(3_600_000);
  for (const ttlMs of [999, 31 * 86_400_000, Number.NaN]) {
    expect(() => checkedTtl(ttlMs)).toThrow("1s to 30d");
  }
});
