import { once } from "node:events";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { Bed, refused } from "../support/programs.ts";

test("a fault in a configuration file is named with file, line and path, all at once", async () => {
  await using bed = await Bed.open();
  const file = bed.write("agent.yaml", "node: n1\ninterval: fast\nbuffer:\n  bytes_maxx: 5MiB\n");
  const errors = await refused("agent", [`--config=${file}`, "--check-config"]);
  expect(errors).toContain(`${file}:2: interval: Not a duration: "fast"`);
  expect(errors).toContain(`${file}:4: buffer.bytes_maxx: unknown key`);
});

test("a file that was named must be there, and a flag with a wrong value is named", async () => {
  expect(await refused("agent", ["--config=/nonexistent.yaml"])).toContain("/nonexistent.yaml");
  expect(await refused("agent", ["--aggregator=nowhere"])).toContain("--aggregator");
  expect(await refused("agent", ["--no-such-flag"])).toContain("--no-such-flag");
  expect(await refused("aggregator", ["--tls=sometimes"])).toContain("--tls");
  for (const more of [[], ["--check-config"]]) {
    const errors = await refused("aggregator", ["--notify=/nonexistent.yaml", ...more]);
    expect(errors).toContain("/nonexistent.yaml: there is no such file");
  }
});

test("a rule file with a wrong expression stops neither check nor start silently", async () => {
  await using bed = await Bed.open();
  const file = bed.write(
    "rules/bad.yaml",
    "groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: sum(\n      - record: b\n        expr: up\n",
  );
  const errors = await refused("aggregator", [...bed.aggregatorArgs(), "--check-config"]);
  expect(errors).toContain(`${file}:5: groups[0].rules[0].expr`);
  expect(await refused("aggregator", bed.aggregatorArgs())).toContain(`${file}:5`);
});

test("a port that is taken and a data directory that is held are named", async () => {
  await using bed = await Bed.open();
  await bed.startReadyAggregator();
  const other = [...bed.aggregatorArgs().filter((arg) => !/listen/.test(arg))];
  const held = await refused("aggregator", [
    ...other,
    "--grpc-listen=127.0.0.1:0",
    "--http-listen=127.0.0.1:0",
  ]);
  expect(held).toContain("is in use by another process");
  expect(held).toContain(bed.path("aggregator"));
  const server = createServer();
  server.listen(bed.agentPort, "127.0.0.1");
  await once(server, "listening");
  const taken = await refused("agent", bed.agentArgs());
  expect(taken).toContain(`127.0.0.1:${bed.agentPort} is in use`);
  server.close();
});
