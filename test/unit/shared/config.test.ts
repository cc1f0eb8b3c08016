import { expect, test } from "vitest";
import { z } from "zod";
import { address, duration, size } from "../../../shared/config/fields.ts";
import { environmentOverrides, loadConfig } from "../../../shared/config/load-config.ts";

const schema = z.strictObject({
  node: z.string().default("n"),
  interval: duration.default(1000),
  listen: address.default({ host: "localhost", port: 1 }),
  buffer: z.strictObject({ bytes_max: size.default(5) }).prefault({}),
});
const file = (text: string) => ({ path: "a.yaml", text });

test("file, environment and flags fill one configuration, the later ones win", () => {
  const environment = { TT_NODE: "env", TT_BUFFER_BYTES_MAX: "2KiB", HOME: "/" };
  const overrides = [
    ...environmentOverrides(schema, environment, "TT"),
    { source: "--node", path: ["node"], text: "flag" },
  ];
  expect(loadConfig(schema, file("interval: 5s\nnode: file"), overrides)).toEqual({
    node: "flag",
    interval: 5000,
    listen: { host: "localhost", port: 1 },
    buffer: { bytes_max: 2048 },
  });
});

test.each([
  ["interval: 5 minutes", 'a.yaml:1: interval: Not a duration: "5 minutes"'],
  ["node: x\nnoed: y", "a.yaml:2: noed: unknown key"],
  ["buffer:\n  bytes_max: lots", 'a.yaml:2: buffer.bytes_max: Not a size: "lots"'],
  ["listen: somewhere", 'a.yaml:1: listen: Not HOST:PORT: "somewhere"'],
  ["node: [", "a.yaml:1: "],
  ["- a list", "a.yaml:1: "],
])("%j is refused with its place", (text, message) => {
  expect(() => loadConfig(schema, file(text), [])).toThrow(message);
});

test("all faults of a file are told at once", () => {
  const text = "interval: x\nbuffer: { bytes_max: y }\nother: 1";
  expect(() => loadConfig(schema, file(text), [])).toThrow(
    /a\.yaml:1: interval: .*\na\.yaml:2: buffer\.bytes_max: .*\na\.yaml:3: other: unknown key/,
  );
});

test("an override with a wrong value is named by where it came from", () => {
  const override = { source: "--interval", path: ["interval"], text: "soon" };
  expect(() => loadConfig(schema, null, [override])).toThrow(
    '--interval: interval: Not a duration: "soon"',
  );
  expect(() => environmentOverrides(schema, { TT_NODDE: "x" }, "TT")).toThrow("TT_NODDE");
});

test("a key called __proto__ is an unknown key like any other", () => {
  expect(() => loadConfig(schema, file("__proto__: { node: x }"), [])).toThrow("unknown key");
});
