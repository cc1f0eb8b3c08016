import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { directoryForTest } from "../support/directory-for-test.ts";
import { Bed, eventually, Program, runProgram } from "../support/programs.ts";

const server = createServer((request, response) => {
  response.writeHead(request.url === "/bad" ? 500 : 200).end("hello");
});
let url = "";

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

const probe = (...args: string[]) => runProgram("agent", ["probe", ...args]);

describe("telltale-agent probe", () => {
  test("prints what it finds; the exit code says whether it succeeded", async () => {
    const good = await probe(`${url}/`);
    expect(good).toMatchObject({ code: 0, errors: "" });
    expect(good.output).toContain("\nprobe_http_status_code 200\n");
    expect(good.output.split("\n").every((line) => /^(#|probe_|$)/.test(line))).toBe(true);
    const bad = await probe(`${url}/bad`, "--output", "json");
    expect(bad.code).toBe(1);
    expect(bad.errors).toBe(`telltale-agent: ${url}/bad: The status is 500, not 2xx\n`);
    const { success, failure, samples } = JSON.parse(bad.output);
    expect([success, failure]).toEqual([false, "The status is 500, not 2xx"]);
    expect(samples).toContainEqual({ series: "probe_http_status_code", value: 500 });
  }, 120_000);

  test("takes the modules of a blackbox.yml, and a time", async () => {
    const file = join(directoryForTest(), "blackbox.yml");
    writeFileSync(file, "modules: {m: {prober: http, http: {valid_status_codes: [500]}}}");
    expect(await probe(`${url}/bad`, "--module", "m", "--modules", file)).toMatchObject({
      code: 0,
    });
    writeFileSync(file, "modules:\n  m: {prober: http, http: {colour: red}}");
    const faulty = await probe(url, "--module", "m", "--modules", file);
    const errors = `telltale-agent: ${file}:2: modules.m.http.colour: unknown key\n`;
    expect(faulty).toEqual({ code: 2, output: "", errors });
    const late = await probe("tcp://192.0.2.1:1", "--timeout", "200ms");
    expect(late.code).toBe(1);
  }, 120_000);

  test.each([
    [[]],
    [["shop.example"]],
    [["http://a/", "--module", "none"]],
    [["http://a/", "--timeout", "soon"]],
    [["http://a/", "--modules", "/does/not/exist"]],
    [["http://a/", "--output", "yaml"]],
  ])(
    "a wrong call ends with 2: %j",
    async (args) => {
      const { code, errors, output } = await probe(...args);
      expect([code, output]).toEqual([2, ""]);
      expect(errors).not.toBe("");
    },
    120_000,
  );
});

test("what the agent finds is stored by the aggregator, with the node that has probed", async () => {
  await using bed = await Bed.open();
  await bed.startReadyAggregator();
  const config = bed.write(
    "agent.yaml",
    `probes:
- {target: "${url}/", interval: 1s, labels: {team: shop}}
- {target: "${url}/bad", interval: 1s, labels: {job: web}}`,
  );
  const agent = bed.start("agent", [`--config=${config}`]);
  await eventually(async () => (await bed.query("probe_success")).length === 2);
  expect(await bed.query("sort(probe_success)")).toEqual([
    [{ __name__: "probe_success", instance: `${url}/bad`, job: "web", node: "n1" }, 0],
    [{ __name__: "probe_success", instance: `${url}/`, job: "probe", node: "n1", team: "shop" }, 1],
  ]);
  expect(await bed.query('up{job=~"probe|web"} == 1')).toHaveLength(2);
  expect(await bed.query(`probe_http_status_code{instance="${url}/bad"} == 500`)).toHaveLength(1);
  await eventually(async () => (await bed.samples("probe_success[1m]")).length > 5);
  const told = agent.log().filter(({ msg }) => msg === "probe failed");
  expect(told).toEqual([expect.objectContaining({ error: "The status is 500, not 2xx" })]);
}, 240_000);

const NETWORK = "ip link set lo up; echo $0 > /proc/sys/net/ipv4/ping_group_range; exec";
const AS_NOBODY = "setpriv --reuid 65534 --regid 65534 --clear-groups";
const mayUnshare = spawnSync("unshare", ["-n", "true"]).status === 0;

/** In a network of its own, by somebody without privileges. */
async function pingAs(groups: string, target: string) {
  const launcher = ["unshare", "-n", "sh", "-c", `${NETWORK} ${AS_NOBODY} "$@"`, groups];
  const program = new Program("agent", ["probe", target], launcher);
  const code = await program.exited();
  return { code, output: program.output, errors: program.errors };
}

describe.skipIf(!mayUnshare)("ICMP without privileges", () => {
  test.each(["icmp://127.0.0.1", "icmp://::1"])(
    "%s, where the kernel allows it",
    async (target) => {
      const { code, errors, output } = await pingAs("0 2147483647", target);
      expect([code, errors]).toEqual([0, ""]);
      expect(output).toMatch(/\nprobe_icmp_reply_hop_limit 64\n/);
      const [, rtt] = /phase="rtt"} (\S+)/.exec(output) ?? [];
      expect(Number(rtt)).toBeGreaterThan(0);
    },
    120_000,
  );

  test("where it does not, that is said with what to do", async () => {
    const { code, errors } = await pingAs("1 0", "icmp://127.0.0.1");
    expect(code).toBe(1);
    expect(errors).toMatch(/may not send ICMP \(EPERM\): .* net\.ipv4\.ping_group_range/);
  }, 120_000);
});
