import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { credentials, status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { loadTelltale } from "../../shared/wire/proto.ts";
import { TLS_CHANNEL_OPTIONS } from "../../shared/wire/tls.ts";
import { call } from "../support/grpc-call.ts";
import { Bed, eventually, refused } from "../support/programs.ts";
import { SecureBed } from "../support/secure-bed.ts";

test("an agent joins with one command, and people ask with a token", async () => {
  await using secure = await SecureBed.open();
  const ann = await secure.user("ann", "viewer");
  const joined = await secure.join(await secure.token());
  expect(joined.code, joined.errors).toBe(0);
  expect(statSync(secure.bed.path("agent", "identity.json")).mode & 0o777).toBe(0o600);
  secure.startAgent();
  await eventually(async () => (await secure.value(ann, 'up{instance="n1"}')) === 1);
  expect((await secure.get("/-/healthy")).status).toBe(200);
  const overview = "/api/telltale/v1/overview";
  for (const path of ["/metrics", "/api/v1/query?query=up", overview, "/nothing"]) {
    expect((await secure.get(path)).status, path).toBe(401);
    const wrong = await secure.get(path, { authorization: "Bearer ttu_wrong" });
    expect(wrong.status, path).toBe(401);
  }
  const nodes = await secure.client(ann, "nodes", "--output=json");
  expect(JSON.parse(nodes.output)[0]).toMatchObject({ name: "n1", state: "up" });
  const list = await secure.client(ann, "agents", "list");
  expect(list).toMatchObject({ code: 1 });
  expect(list.errors).toContain("ann is a viewer, and this is for the role admin");
  await secure.admin("user", "remove", "ann");
  const removed = await secure.client(ann, "nodes");
  expect(removed.errors).toContain("The token stands for nobody");
});

/** What openssl says until the other side ends the connection. */
async function sClient(port: number, ...args: string[]): Promise<string> {
  const child = spawn("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, ...args]);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output += chunk;
    });
  }
  await once(child, "close");
  return output;
}

test("openssl s_client is shown the door: no HTTP/2, no proof, or an old TLS", async () => {
  await using secure = await SecureBed.open();
  const { grpcPort } = secure.bed;
  const noHttp2 = await sClient(grpcPort);
  expect(noHttp2).toContain("TLSv1.3");
  expect(noHttp2).toContain("unexpected eof");
  await sClient(grpcPort, "-alpn", "h2");
  expect(await sClient(grpcPort, "-tls1_2")).toContain("alert protocol version");
  const bob = await secure.user("bob", "viewer");
  const authorization = `Bearer ${readFileSync(bob, "utf8").trim()}`;
  const { body } = await secure.get("/metrics", { authorization });
  for (const reason of ["no-http2", "no-proof", "handshake"]) {
    expect(body).toContain(`telltale_grpc_connections_refused_total{reason="${reason}"} 1`);
  }
});

test("a plain gRPC client without certificate is refused, with TLS and without", async () => {
  await using secure = await SecureBed.open();
  const { Query, Ingest } = loadTelltale().v1;
  const trusting = credentials.createSsl(readFileSync(secure.caFile));
  for (const [channel, code] of [
    [trusting, status.UNAUTHENTICATED],
    [credentials.createInsecure(), status.UNAVAILABLE],
  ] as const) {
    const client = new Query(secure.bed.address, channel, TLS_CHANNEL_OPTIONS);
    await expect(call(client, client.nodes, {})).rejects.toMatchObject({ code });
    client.close();
  }
  const client = new Ingest(secure.bed.address, trusting, TLS_CHANNEL_OPTIONS);
  const refusal = await new Promise<Error>((resolve) => client.stream().on("error", resolve));
  client.close();
  expect(refusal.message).toContain("Neither a certificate nor a token");
});

test("an agent's certificate cannot write as another node", async () => {
  await using secure = await SecureBed.open();
  const ann = await secure.user("ann", "viewer");
  await secure.join(await secure.token());
  const file = secure.bed.path("agent", "identity.json");
  const forged = JSON.parse(readFileSync(file, "utf8"));
  forged.memberships[0].node = "n2";
  writeFileSync(file, JSON.stringify(forged));
  const agent = secure.startAgent("agent", ["--node=n2"]);
  await eventually(() => agent.errors.includes('its certificate is for \\"n1\\"'));
  expect(await secure.value(ann, "count(up) or vector(0)")).toBe(0);
});

test("a revoked agent is cut off with the reason, and let in again when it joins", async () => {
  await using secure = await SecureBed.open();
  const ada = await secure.user("ada", "admin");
  await secure.join(await secure.token());
  const agent = secure.startAgent();
  await eventually(async () => (await secure.value(ada, 'up{instance="n1"}')) === 1);
  const revoked = await secure.client(ada, "agents", "revoke", "n1");
  expect(revoked.output).toContain("1 certificate revoked");
  await eventually(() => secure.aggregator.errors.includes("certificate of node n1 was revoked"));
  await eventually(() => /"FORBIDDEN|UNAUTHENTICATED".*was revoked at/.test(agent.errors));
  const again = await secure.join(await secure.token());
  expect(again.code, again.errors).toBe(0);
  const connections = () => agent.errors.split("connected to the aggregator").length - 1;
  await eventually(() => connections() === 2);
  const { output } = await secure.client(ada, "agents", "list", "--output=json");
  expect(JSON.parse(output)[0]).toMatchObject({ node: "n1", state: "good" });
});

test("a used, expired or foreign join token is refused with the reason", async () => {
  await using secure = await SecureBed.open();
  const used = await secure.token();
  expect((await secure.join(used)).code).toBe(0);
  const refused = async (token: string, node: string, why: string) => {
    const { code, errors } = await secure.join(token, node, "other");
    expect(code).not.toBe(0);
    expect(errors).toContain(why);
    expect(errors).not.toContain(token);
  };
  await refused(used, "n2", "was used already, by node n1");
  const short = await secure.token("--ttl=1s");
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await refused(short, "n2", "has expired");
  await refused(await secure.token("--node=n3"), "n2", "is for node n3, not for n2");
  await refused(await secure.token(), "n1", "has joined already");
  await refused("ttj_short", "n2", "Not a join token");
  await using other = await SecureBed.open();
  await refused(await other.token(), "n2", "is not the aggregator that made the join token");
});

test("certificates renew themselves, and a new CA takes over while everything runs", async () => {
  const config = ["--tls=required", "--certificate-lifetime=24s"];
  await using secure = await SecureBed.open(() => config);
  const ann = await secure.user("ann", "viewer");
  await secure.join(await secure.token());
  const agent = secure.startAgent();
  await eventually(async () => (await secure.value(ann, 'up{instance="n1"}')) === 1);
  const authorities = async () => {
    const { output } = await secure.admin("ca", "list", "--output=json");
    return JSON.parse(output).map((one: { fingerprint: string }) => one.fingerprint);
  };
  const [old] = await authorities();
  await secure.admin("ca", "rotate");
  expect(await authorities()).toHaveLength(2);
  await secure.trust();
  await eventually(() => agent.errors.includes("the certificate was renewed"), 60_000);
  await eventually(async () => (await authorities()).length === 1, 60_000);
  expect(await authorities()).not.toContain(old);
  // By now the first certificate has ended, and the agent's connections go by the new CA.
  await eventually(() => agent.errors.split("connected to the aggregator").length > 2, 60_000);
  expect(await secure.value(ann, 'up{instance="n1"}')).toBe(1);
  expect(await secure.value(ann, "min(min_over_time(up[1m]))")).toBe(1);
  const late = await secure.join(await secure.token(), "n2", "agent2");
  expect(late.code, late.errors).toBe(0);
}, 240_000);

test("what other machines reach is TLS by itself, or refused at the start", async () => {
  await using bed = await Bed.open();
  const directory = `--data-dir=${bed.path("nobody")}`;
  const agent = await refused("agent", [directory, "--aggregator=192.0.2.1:7070"]);
  expect(agent).toContain("telltale-agent join 192.0.2.1:7070 TOKEN");
  expect(await refused("agent", [directory, "--listen=0.0.0.0:7072"])).toContain("insecure: true");
  const both = ["--insecure", "--tls=required"];
  expect(await refused("aggregator", both)).toContain("tls: required");
  await using secure = await SecureBed.open(({ grpcPort, httpPort }) => [
    `--grpc-listen=0.0.0.0:${grpcPort}`,
    `--http-listen=0.0.0.0:${httpPort}`,
  ]);
  expect((await secure.get("/metrics")).status).toBe(401);
});
