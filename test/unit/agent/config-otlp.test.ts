import { expect, test } from "vitest";
import { agentConfigSchema } from "../../../agent/config/agent-config.ts";
import { loadConfig } from "../../../shared/config/load-config.ts";

const read = (text: string) => loadConfig(agentConfigSchema, { path: "agent.yaml", text }, []).otlp;

const DEFAULTS = {
  grpc: { host: "127.0.0.1", port: 4317 },
  http: { host: "127.0.0.1", port: 4318 },
  request_bytes_max: 4 * 1024 ** 2,
  series_max: 10_000,
  senders_max: 200,
};

test("nothing is taken unless it is said, and one word is enough", () => {
  expect(read("")).toBeNull();
  expect(read("otlp: false")).toBeNull();
  expect(read("otlp: true")).toEqual(DEFAULTS);
  expect(read("otlp: { grpc: none, series_max: 5 }")).toEqual({
    ...DEFAULTS,
    grpc: null,
    series_max: 5,
  });
});

test.each([
  ["otlp: yes please", "otlp"],
  ["otlp: { grpc: 4317 }", "otlp.grpc"],
  ["otlp: { request_bytes_max: 1GiB }", "otlp.request_bytes_max"],
  ["otlp: { other: 1 }", "otlp"],
  ["otlp: { http: '192.0.2.1:4318' }", "192.0.2.1 can be reached from other machines"],
])("%s is refused", (text, reason) => {
  expect(() => read(text)).toThrow(reason);
});

test("an address that others reach is a word away", () => {
  const config = read("insecure: true\notlp: { http: '0.0.0.0:4318' }");
  expect(config?.http).toEqual({ host: "0.0.0.0", port: 4318 });
});
