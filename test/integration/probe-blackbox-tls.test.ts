import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createSecureServer } from "node:http2";
import { createServer as createHttps } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SecureContextOptions } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { signedCertificate } from "../support/certificate-chain.ts";
import { type Blackbox, hasBlackbox, startBlackbox } from "./blackbox.ts";

const directory = mkdtempSync(join(tmpdir(), "telltale-probe-tls-"));
const file = (name: string) => join(directory, name);
const trusted = { ca_file: file("ca.pem") };
const http = (tls: object = trusted, options: object = {}) => {
  return { prober: "http", http: { tls_config: tls, preferred_ip_protocol: "ip4", ...options } };
};
const tcp = (tls: object = trusted) => ({ prober: "tcp", tcp: { tls: true, tls_config: tls } });

const MODULES = {
  http: http(),
  http_blind: http({ insecure_skip_verify: true }),
  http_system: http({}),
  http_named: http({ ...trusted, server_name: "shop.example" }),
  http_13: http({ ...trusted, min_version: "TLS13" }),
  http_12: http({ ...trusted, max_version: "TLS12" }),
  http_1: http(trusted, { enable_http2: false }),
  http_no_tls: http(trusted, { fail_if_ssl: true }),
  http_tls: http(trusted, { fail_if_not_ssl: true }),
  http_2: http(trusted, { valid_http_versions: ["HTTP/2.0"] }),
  http_post: http(trusted, { method: "POST", body: "abc", headers: { Connection: "keep-alive" } }),
  http_client: http({ ...trusted, cert_file: file("client.pem"), key_file: file("client.key") }),
  tcp: tcp(),
  tcp_blind: tcp({ insecure_skip_verify: true }),
  tcp_named: tcp({ ...trusted, server_name: "shop.example" }),
};

const SUBJECT =
  "CN=localhost, O=Tell\\, tale + O=Second, OU=b, OU=a, L=Köln, ST=X, C=DE, E=a@b.example";

async function certificates() {
  const root = await signedCertificate({ subject: "CN=Root, O=Tests", days: 300 }, null);
  const middle = await signedCertificate({ subject: "CN=Middle", days: 30 }, root);
  const late = await signedCertificate({ subject: "CN=Late", days: -1 }, root);
  const local = { names: ["localhost", "127.0.0.1"], days: 20 };
  const leaf = (options: object, signer = middle) =>
    signedCertificate({ subject: "CN=localhost", ...local, ...options }, signer);
  const good = await leaf({});
  const served = (one: { cert: string; key: string }, ...above: { cert: string }[]) => {
    return { cert: [one, ...above].map(({ cert }) => cert).join("\n"), key: one.key };
  };
  const client = await leaf({ names: ["client"] });
  writeFileSync(file("ca.pem"), root.cert);
  writeFileSync(file("client.pem"), `${client.cert}\n${middle.cert}`);
  writeFileSync(file("client.key"), client.key);
  const self = await signedCertificate({ subject: "CN=self", ...local }, null);
  return {
    root,
    good: served(good, middle),
    whole: served(good, middle, root),
    incomplete: served(good),
    expired: served(await leaf({ days: -2 }), middle),
    late: served(await leaf({}, late), late),
    outlived: served(await leaf({ days: 90 }), middle),
    other: served(await leaf({ names: ["shop.example", "*.wild.example"] }), middle),
    subject: served(await leaf({ subject: SUBJECT }), middle),
    self: served(self),
    nameless: served(await signedCertificate({ subject: "CN=localhost", days: 5 }, middle), middle),
  };
}

type Kind = Exclude<keyof Awaited<ReturnType<typeof certificates>>, "root">;

function answer(request: IncomingMessage, response: ServerResponse, redirect: string): void {
  if (request.url !== "/away") return void response.end(`${request.method} over TLS`);
  response.writeHead(302, { location: redirect }).end();
}

describe.skipIf(!hasBlackbox)("TLS, as blackbox_exporter 0.23", () => {
  const servers: { close(): unknown }[] = [];
  const ports = new Map<string, number>();
  let blackbox: Blackbox;

  async function serve(name: string, options: SecureContextOptions & object, isHttp1 = false) {
    const handler = (request: unknown, response: unknown) => {
      const target = `https://localhost:${ports.get("good")}/`;
      answer(request as IncomingMessage, response as ServerResponse, target);
    };
    const server: Server = isHttp1
      ? createHttps(options, handler)
      : createSecureServer({ allowHTTP1: true, ...options }, handler as never);
    server.on("tlsClientError", () => {});
    server.on("sessionError", () => {});
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    ports.set(name, (server.address() as AddressInfo).port);
    servers.push(server);
  }

  beforeAll(async () => {
    const { root, ...kinds } = await certificates();
    for (const [name, options] of Object.entries(kinds)) await serve(name, options);
    await serve("only1", kinds.good, true);
    await serve("only12", { ...kinds.good, maxVersion: "TLSv1.2" });
    await serve("only11", { ...kinds.good, maxVersion: "TLSv1.1", minVersion: "TLSv1.1" });
    const asks = { requestCert: true, rejectUnauthorized: true, ca: root.cert };
    await serve("client", { ...kinds.good, ...asks });
    blackbox = await startBlackbox(MODULES);
  });
  afterAll(async () => {
    await blackbox[Symbol.asyncDispose]();
    for (const server of servers) server.close();
    rmSync(directory, { recursive: true });
  });

  test.each([
    ["http", "good", 1],
    ["http", "whole", 1],
    ["http", "incomplete", 0],
    ["http", "expired", 0],
    ["http", "late", 0],
    ["http", "outlived", 1],
    ["http", "other", 0],
    ["http", "self", 0],
    ["http", "nameless", 0],
    ["http", "subject", 1],
    ["http_system", "good", 0],
    ["http_blind", "good", 1],
    ["http_blind", "incomplete", 1],
    ["http_blind", "expired", 1],
    ["http_blind", "late", 1],
    ["http_blind", "other", 1],
    ["http_blind", "self", 1],
    ["http_named", "other", 1],
    ["http_named", "good", 0],
    ["http_13", "good", 1],
    ["http_13", "only12", 0],
    ["http_12", "good", 1],
    ["http", "only12", 1],
    ["http", "only11", 0],
    ["http_1", "good", 1],
    ["http_2", "good", 1],
    ["http_2", "only1", 0],
    ["http", "only1", 1],
    ["http_no_tls", "good", 0],
    ["http_tls", "good", 1],
    ["http_post", "good", 1],
    ["http_client", "client", 1],
    ["http", "client", 0],
  ] as const satisfies [string, Kind | string, number][])(
    "%s %s",
    async (module, kind, success) => {
      const target = `https://localhost:${ports.get(kind)}/`;
      const { series } = await blackbox.same(module, target);
      expect(series).toMatchObject({ probe_success: success });
    },
  );

  test.each([
    ["tcp", "good", 1],
    ["tcp", "incomplete", 0],
    ["tcp", "other", 0],
    ["tcp_named", "other", 1],
    ["tcp_blind", "expired", 1],
    ["tcp_blind", "subject", 1],
  ] as const)("%s %s", async (module, kind, success) => {
    const { series } = await blackbox.same(module, `localhost:${ports.get(kind)}`);
    expect(series).toMatchObject({ probe_success: success });
  });

  test("by address; TLS where there is none, and none where there is", async () => {
    await blackbox.same("http", `https://127.0.0.1:${ports.get("good")}/`);
    await blackbox.same("http", `http://127.0.0.1:${ports.get("good")}/`);
  });

  test("a redirect has the figures of the last server, and ours those of the first as well", async () => {
    const target = `https://localhost:${ports.get("outlived")}/away`;
    await blackbox.same("http", target);
    const { ours, theirs } = await blackbox.both("http", target);
    const day = (series: object, name: string) => {
      return Math.round((Number(Reflect.get(series, name)) - Date.now() / 1000) / 86_400);
    };
    expect(day(theirs, "probe_ssl_earliest_cert_expiry")).toBe(20);
    expect(day(ours, "probe_ssl_first_hop_earliest_cert_expiry")).toBe(30);
    expect(day(ours, "probe_ssl_first_hop_chain_expiry_timestamp_seconds")).toBe(30);
    const names = Object.keys(ours).filter((name) => name.includes("first_hop_chain_info"));
    expect(names).toEqual([expect.stringContaining('issuer="CN=Middle",subject="CN=localhost"')]);
  });
});
