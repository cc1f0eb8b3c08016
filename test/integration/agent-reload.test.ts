import { expect, test } from "vitest";
import { Bed, eventually } from "../support/programs.ts";

const SUCCESSFUL = "telltale_config_last_reload_successful";

test("SIGHUP takes what can change at run time, names what cannot, and takes nothing of a bad file", async () => {
  await using bed = await Bed.open();
  const file = bed.write("agent.yaml", "log_level: info\n");
  await bed.startReadyAggregator();
  const agent = bed.start("agent", [`--config=${file}`]);
  const messages = () => agent.log().map(({ msg }) => msg);
  const load = async (labels: string) => (await bed.query(`node_load1{${labels}}`)).length;
  await eventually(async () => (await load("")) === 1);

  bed.write("agent.yaml", "log_level: debug\nlabels: { env: test }\nbuffer: { bytes_max: 2MiB }\n");
  agent.child.kill("SIGHUP");
  await eventually(async () => (await load('env="test"')) === 1);
  expect(await load('env=""')).toBe(0);
  const named = agent.log().find(({ msg }) => msg === "changed sections need a restart");
  expect(named).toMatchObject({ sections: ["buffer"] });
  expect(messages()).toContain("tick durable");

  bed.write("agent.yaml", "labels: { env: other }\ncollectors:\n  disable: 5\n");
  agent.child.kill("SIGHUP");
  await eventually(async () => (await bed.agentPage()).includes(`${SUCCESSFUL} 0`));
  const failure = agent.log().find(({ msg }) => String(msg).startsWith("reload failed"));
  expect(failure?.["error"]).toMatch(/^\S+agent\.yaml:3: collectors\.disable: /);
  bed.write("agent.yaml", "labels: { env: other }\ncollectors: { disable: [nothing] }\n");
  agent.child.kill("SIGHUP");
  await eventually(() => messages().filter((one) => String(one).startsWith("reload")).length === 2);
  expect(await load('env="test"')).toBe(1);

  bed.write("agent.yaml", "labels: { env: test }\ncollectors: { disable: [loadavg] }\n");
  agent.child.kill("SIGHUP");
  await eventually(async () => (await bed.agentPage()).includes(`${SUCCESSFUL} 1`));
  await eventually(async () => (await load("")) === 0, 5000);
  expect(await bed.agentPage()).not.toContain("node_load1 ");
  expect((await bed.query("sum(telltale_agent_frames_dropped_total)"))[0]?.[1] ?? 0).toBe(0);
  agent.child.kill("SIGTERM");
  expect(await agent.exited()).toBe(0);
}, 120_000);
