import { expect, test } from "vitest";
import { installedAgent, quoted } from "../../../bench/installed-agent.ts";

const BUILT = { node: "/n/node", dist: "/src/dist" };

test.each([
  ["ExecStart=/usr/bin/telltale-agent", ["env", "/n/node", "/src/dist/agent/main.js"]],
  [
    'Environment=A=1 "B=two words"\nEnvironment=C=3\nExecStartPre=/usr/bin/x\n' +
      "ExecStart=/usr/bin/node --single-threaded \\\n  /usr/lib/telltale/dist/agent/start.js --x",
    [
      ...["env", "A=1", "B=two words", "C=3"],
      ...["/n/node", "--single-threaded", "/src/dist/agent/start.js", "--x"],
    ],
  ],
  [
    "Environment=A=1\nEnvironment=\nExecStart=/bin/false\nExecStart=\nExecStart=/usr/bin/telltale-agent",
    ["env", "/n/node", "/src/dist/agent/main.js"],
  ],
])("the unit %j starts %j", (unit, expected) => {
  expect(installedAgent(unit, BUILT)).toEqual(expected);
});

test("a unit that starts something else is refused", () => {
  expect(() => installedAgent("ExecStart=/usr/bin/node x.js", BUILT)).toThrow("/usr/bin/node x.js");
});

test("quoted words are split again by a shell", () => {
  expect(quoted(["env", "A=it's", "$B"])).toBe(`'env' 'A=it'\\''s' '$B'`);
});
