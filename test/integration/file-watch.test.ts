import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { FileWatch } from "../../shared/platform/file-watch.ts";
import { FakeClock } from "../support/fake-clock.ts";

/** A rule folder and a routing file that names a secret's file; each reload reads them again. */
function scene() {
  const folder = mkdtempSync(join(tmpdir(), "telltale-watch-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const clock = new FakeClock();
  const watch = new FileWatch(clock);
  const read = () => {
    const texts = watch.readFiles(join(folder, "rules", "*.yaml")).map(({ text }) => text);
    const routing = watch.readFile(join(folder, "notify.yaml"));
    return routing === null ? texts : [...texts, routing, watch.readFile(join(folder, routing))];
  };
  const reloads: unknown[] = [];
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  mkdirSync(join(folder, "rules"));
  write("rules/a.yaml", "a1");
  write("notify.yaml", "token");
  write("token", "t1");
  read();
  const listening = watch.onChange(async () => {
    reloads.push(read());
  });
  onTestFinished(() => listening[Symbol.dispose]());
  return { folder, clock, watch, write, read, reloads, listening };
}

test("a file that changes, comes or goes is read again once, ten seconds later at the latest", async () => {
  const { clock, write, reloads, folder } = scene();
  await clock.advance(60_000);
  expect(reloads).toEqual([]);
  write("rules/a.yaml", "a2");
  await clock.advance(5000);
  expect(reloads).toEqual([]); // it may be half written
  await clock.advance(60_000);
  expect(reloads).toEqual([["a2", "token", "t1"]]);
  write("rules/b.yaml", "b1");
  await clock.advance(10_000);
  expect(reloads.at(-1)).toEqual(["a2", "b1", "token", "t1"]);
  write("token", "t2");
  await clock.advance(10_000);
  expect(reloads.at(-1)).toEqual(["a2", "b1", "token", "t2"]);
  rmSync(join(folder, "rules", "a.yaml"));
  rmSync(join(folder, "notify.yaml"));
  await clock.advance(60_000);
  expect(reloads.slice(3)).toEqual([["b1"]]);
  write("token", "t3"); // not in use any more
  await clock.advance(60_000);
  expect(reloads.length).toBe(4);
  write("notify.yaml", "token");
  await clock.advance(60_000);
  expect(reloads.slice(4)).toEqual([["b1", "token", "t3"]]);
});

test("a file that is still being written is waited for", async () => {
  const { clock, write, reloads } = scene();
  for (const text of ["x", "xx", "xxx"]) {
    write("notify.yaml", text);
    await clock.advance(5000);
  }
  write("notify.yaml", "token");
  await clock.advance(5000);
  expect(reloads).toEqual([]);
  await clock.advance(5000);
  expect(reloads).toEqual([["a1", "token", "t1"]]);
});

test("what somebody else's reload has read is not read again", async () => {
  const { clock, write, reloads, read } = scene();
  write("rules/a.yaml", "a2");
  await clock.advance(5000);
  read(); // SIGHUP
  await clock.advance(60_000);
  expect(reloads).toEqual([]);
});

test("links that are swapped as Kubernetes swaps them are a change", async () => {
  const { clock, write, reloads, folder } = scene();
  const link = (target: string) => {
    symlinkSync(target, join(folder, "..new"));
    renameSync(join(folder, "..new"), join(folder, "..data"));
  };
  for (const name of ["v1", "v2"]) {
    mkdirSync(join(folder, name));
    write(`${name}/c.yaml`, name);
  }
  link("v1");
  symlinkSync("../..data/c.yaml", join(folder, "rules", "c.yaml"));
  await clock.advance(10_000);
  expect(reloads.at(-1)).toEqual(["a1", "v1", "token", "t1"]);
  link("v2");
  await clock.advance(60_000);
  expect(reloads.slice(1)).toEqual([["a1", "v2", "token", "t1"]]);
});

test("a watch that has ended says nothing", async () => {
  const { clock, write, reloads, listening } = scene();
  listening[Symbol.dispose]();
  write("rules/a.yaml", "a2");
  await clock.advance(60_000);
  expect(reloads).toEqual([]);
});
