import { expect, test } from "vitest";
import { Access } from "../../../aggregator/access/access.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { MemoryStore } from "../../support/memory-store.ts";

const DAY_MS = 86_400_000;

async function open(store = new MemoryStore(), clock = new FakeClock()) {
  const deps = { store, clock, logger: new MemoryLogger(), metrics: new Metrics() };
  const access = await Access.open(deps, { names: ["a"], certificateLifeMs: DAY_MS });
  return { access, sessions: access.sessions, store, clock };
}

test("a session stands for its user until it ends, over a restart too", async () => {
  const { access, sessions, store, clock } = await open();
  const token = await access.addUser("ann", "operator");
  const secret = await sessions.begin("ann");
  const ann = { name: "ann", role: "operator" };
  expect(sessions.personOf(secret)).toEqual(ann);
  expect(sessions.personOf(token), "a token is no session").toBeNull();
  expect(access.personOf(secret), "a session is no token").toBeNull();
  const again = await open(store, clock);
  expect(again.sessions.personOf(secret)).toEqual(ann);
  await again.sessions.end(secret);
  expect(again.sessions.personOf(secret)).toBeNull();
  expect(again.access.personOf(token)).toEqual(ann);
});

test("a session ends after seven days, and nothing of it is kept", async () => {
  const { access, sessions, store, clock } = await open();
  await access.addUser("ann", "viewer");
  const secret = await sessions.begin("ann");
  await clock.advance(7 * DAY_MS - 1);
  expect(sessions.personOf(secret)).not.toBeNull();
  await clock.advance(1);
  expect(sessions.personOf(secret)).toBeNull();
  expect(sessions.list()).toEqual([]);
  await access.upkeep();
  const kept: string[] = [];
  for await (const [key] of store.entries({})) kept.push(Buffer.from(key).toString());
  expect(kept.filter((key) => key.startsWith("session/"))).toEqual([]);
});

test("who is removed is signed in nowhere, also under the same name made anew", async () => {
  const { access, sessions } = await open();
  await access.addUser("ann", "admin");
  await access.addUser("bob", "viewer");
  const [ann, bob] = [await sessions.begin("ann"), await sessions.begin("bob")];
  await access.removeUser("ann");
  await access.addUser("ann", "admin");
  expect(sessions.personOf(ann)).toBeNull();
  expect(sessions.personOf(bob)).toEqual({ name: "bob", role: "viewer" });
  await access.removeUser("bob");
  await expect(sessions.begin("bob")).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("an admin sees who is signed in, nothing that lets one in, and ends one session alone", async () => {
  const { access, sessions, clock } = await open();
  await access.addUser("bob", "viewer");
  await access.addUser("ann", "viewer");
  const bob = await sessions.begin("bob");
  await clock.advance(1000);
  const [first, second] = [await sessions.begin("ann"), await sessions.begin("ann")];
  const listed = sessions.list();
  expect(listed.map(({ user }) => user)).toEqual(["ann", "ann", "bob"]);
  expect(listed[2]).toMatchObject({ expiresMs: (listed[2]?.createdMs ?? 0) + 7 * DAY_MS });
  const text = JSON.stringify(listed);
  for (const secret of [bob, first, second]) expect(text).not.toContain(secret.reveal().slice(4));
  await sessions.endOf(listed[2]?.id ?? "");
  expect(sessions.personOf(bob)).toBeNull();
  expect(sessions.personOf(first)).not.toBeNull();
  await expect(sessions.endOf("none")).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("beyond twenty of a user the oldest ends, and others' stay", async () => {
  const { access, sessions, clock } = await open();
  await access.addUser("ann", "viewer");
  await access.addUser("bob", "viewer");
  const bob = await sessions.begin("bob");
  const secrets = [];
  for (let i = 0; i < 22; i += 1) {
    await clock.advance(1);
    secrets.push(await sessions.begin("ann"));
  }
  expect(secrets.map((one) => sessions.personOf(one) !== null)).toEqual(
    secrets.map((_, i) => i >= 2),
  );
  expect(sessions.personOf(bob)).not.toBeNull();
});
