import { readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { HeldIdentity } from "../../agent/identity/held-identity.ts";
import {
  type Membership,
  membershipFor,
  putMembership,
  readMemberships,
} from "../../agent/identity/identity-file.ts";
import { keepRenewed } from "../../agent/identity/renewal.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import { expositionText } from "../../shared/telemetry/exposition.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { directoryForTest } from "../support/directory-for-test.ts";
import { MemoryLogger } from "../support/memory-logger.ts";

const membership = (aggregator: string): Membership => ({
  aggregator,
  node: "n1",
  privateKeyPem: "key",
  certificatePem: "certificate",
  authoritiesPem: "ca",
  issuedMs: 0,
  notAfterMs: nodeClock.nowMs() + 86_400_000,
});

const add = (directory: string, one: Membership) =>
  putMembership(directory, nodeClock.nowMs(), async () => one);

test("the identity is one file that only its owner reads, and a change is whole or not at all", async () => {
  const directory = directoryForTest();
  expect(readMemberships(directory)).toEqual([]);
  await add(directory, membership("a:1"));
  expect(statSync(join(directory, "identity.json")).mode & 0o777).toBe(0o600);
  const failing = putMembership(directory, nodeClock.nowMs(), async () => {
    throw new Error("no answer");
  });
  await expect(failing).rejects.toThrow("no answer");
  expect(readMemberships(directory)).toMatchObject([{ aggregator: "a:1", node: "n1" }]);
  expect(readdirSync(directory)).toEqual(["identity.json"]);
});

test("two that change the identity do not overwrite each other; what a crash left is no bar", async () => {
  const directory = directoryForTest();
  let goOn = () => {};
  const first = putMembership(directory, nodeClock.nowMs(), async () => {
    await new Promise<void>((resolve) => {
      goOn = resolve;
    });
    return membership("a:1");
  });
  await expect(add(directory, membership("b:1"))).rejects.toThrow("another process");
  goOn();
  await first;
  const left = join(directory, "identity.json.new");
  writeFileSync(left, "half");
  await expect(add(directory, membership("b:1"))).rejects.toThrow("another process");
  const longAgo = nodeClock.nowMs() / 1000 - 120;
  utimesSync(left, longAgo, longAgo);
  await add(directory, membership("b:1"));
  expect(readMemberships(directory).map(({ aggregator }) => aggregator)).toEqual(["a:1", "b:1"]);
});

test("an aggregator is found by its address; one alone under any", () => {
  const [a, b] = [membership("a:1"), membership("b:1")];
  expect(membershipFor([a, b], "b:1")).toBe(b);
  expect(membershipFor([a, b], "c:1")).toBeNull();
  expect(membershipFor([a], "c:1")).toBe(a);
  expect(membershipFor([], "c:1")).toBeNull();
});

test("a running agent takes a join, and keeps what it has while the file cannot be read", async () => {
  const directory = directoryForTest();
  const identity = new HeldIdentity(directory, new MemoryLogger());
  expect(identity.memberships()).toEqual([]);
  await add(directory, membership("a:1"));
  expect(identity.memberships()).toHaveLength(1);
  rmSync(join(directory, "identity.json"));
  expect(identity.memberships()).toHaveLength(1);
  writeFileSync(join(directory, "identity.json"), "{");
  expect(identity.memberships()).toHaveLength(1);
});

test("a renewal that fails is tried again, and what is not due is left alone", async () => {
  const logger = new MemoryLogger();
  const metrics = new Metrics();
  const due = { ...membership("a:1"), notAfterMs: nodeClock.nowMs() + 10 };
  let calls = 0;
  const renewing = (memberships: readonly Membership[], signal: AbortSignal) => {
    const renew = async () => {
      calls += 1;
      throw new Error("away");
    };
    const clock: Clock = { ...nodeClock, sleep: (_, stop) => nodeClock.sleep(1, stop) };
    return keepRenewed({ clock, logger, metrics, memberships: () => memberships, renew }, signal);
  };
  const stop = new AbortController();
  const loop = renewing([due], stop.signal);
  while (calls < 3) await nodeClock.sleep(1);
  stop.abort();
  await loop;
  calls = 0;
  const good = { ...due, issuedMs: nodeClock.nowMs(), notAfterMs: nodeClock.nowMs() + 86_400_000 };
  const idleStop = new AbortController();
  const idle = renewing([good], idleStop.signal);
  await nodeClock.sleep(50);
  idleStop.abort();
  await idle;
  expect(calls).toBe(0);
  const page = expositionText(metrics.samples());
  const until = /^telltale_certificate_not_after_timestamp_seconds{holder="node"} (.*)$/m;
  expect(Number(until.exec(page)?.[1])).toBeCloseTo(good.notAfterMs / 1000);
});
