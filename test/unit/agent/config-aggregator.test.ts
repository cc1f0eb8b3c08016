import { expect, test } from "vitest";
import { agentConfigSchema } from "../../../agent/config/agent-config.ts";
import { loadConfig } from "../../../shared/config/load-config.ts";

const local = (port: number) => ({ host: "127.0.0.1", port });

function read(text: string, ...flags: string[]) {
  const overrides = flags.map((flag) => {
    return { source: "--aggregator", path: ["aggregator"], text: flag };
  });
  return loadConfig(agentConfigSchema, { path: "agent.yaml", text }, overrides).aggregator;
}

test("one address, a list of them, and a block say where to send", () => {
  const first = { policy: "pick_first", weights: null };
  expect(read("interval: 1s")).toEqual({
    ...first,
    addresses: [{ host: "localhost", port: 7070 }],
  });
  expect(read("aggregator: 127.0.0.1:1")).toEqual({ ...first, addresses: [local(1)] });
  expect(read("aggregator: [127.0.0.1:1, 127.0.0.1:2]")).toEqual({
    ...first,
    addresses: [local(1), local(2)],
  });
  const block = "aggregator: { addresses: [127.0.0.1:1, 127.0.0.1:2], policy: weighted";
  expect(read(`${block} }`)).toEqual({
    policy: "weighted",
    weights: null,
    addresses: [local(1), local(2)],
  });
  expect(read(`${block}, weights: [3, 1] }`).weights).toEqual([3, 1]);
});

test("all of them may get everything", () => {
  const block = "{ addresses: [127.0.0.1:1, 127.0.0.1:2], policy: mirror }";
  const mirrored = { policy: "mirror", weights: null, addresses: [local(1), local(2)] };
  expect(read(`aggregator: ${block}`)).toEqual(mirrored);
  expect(read("", block)).toEqual(mirrored);
});

test("a flag may name several, and wins", () => {
  const { addresses } = read("aggregator: 127.0.0.1:1", "[127.0.0.1:2, 127.0.0.1:3]");
  expect(addresses).toEqual([local(2), local(3)]);
});

test.each([
  ["127.0.0.1", 'agent.yaml:1: aggregator: Not HOST:PORT: "127.0.0.1"'],
  ["[127.0.0.1:1, x]", 'agent.yaml:1: aggregator[1]: Not HOST:PORT: "x"'],
  ["[]", "aggregator: at least one address"],
  ["[127.0.0.1:1, 127.0.0.1:1]", "aggregator: an address is there twice"],
  ["{ addresses: [127.0.0.1:1], policy: best }", "aggregator.policy: "],
  ["{ address: [127.0.0.1:1] }", "aggregator"],
  [
    "{ addresses: [127.0.0.1:1, 127.0.0.1:2], policy: weighted, weights: [1] }",
    "aggregator.weights: 1 weights for 2 addresses",
  ],
  [
    "{ addresses: [127.0.0.1:1], policy: mirror, weights: [1] }",
    'aggregator.weights: without "policy: weighted" they say nothing',
  ],
  [
    "{ addresses: [127.0.0.1:1], weights: [1] }",
    'aggregator.weights: without "policy: weighted" they say nothing',
  ],
])("aggregator: %s is refused: %s", (text, expected) => {
  expect(() => read(`aggregator: ${text}`)).toThrow(expected);
});

test("a wrong flag is told as such", () => {
  expect(() => read("", "nowhere")).toThrow('--aggregator: aggregator: Not HOST:PORT: "nowhere"');
});
