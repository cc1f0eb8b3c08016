import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import { Server as GrpcServer, ServerCredentials } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testCertificate } from "../support/test-certificate.ts";
import { type Blackbox, hasBlackbox, startBlackbox } from "./blackbox.ts";

const tcp = (steps: readonly object[], options: object = {}) => ({
  prober: "tcp",
  tcp: { query_response: steps, ...options },
});
const blind = { tls_config: { insecure_skip_verify: true } };
const icmp = (options: object = {}) => ({ prober: "icmp", icmp: options });
const grpc = (options: object = {}) => ({ prober: "grpc", grpc: options });
const SMTP = [
  { expect: "^220 ([^ ]+) ESMTP" },
  { send: "EHLO prober\r" },
  { expect: "^250-STARTTLS" },
  { send: "STARTTLS\r" },
  { expect: "^220" },
  { starttls: true },
  { send: "EHLO prober\r" },
  { expect: "^250 AUTH" },
  { send: "QUIT\r" },
];

const MODULES = {
  tcp: { prober: "tcp" },
  banner: tcp([{ expect: "^SSH-2.0-" }]),
  other_banner: tcp([{ expect: "^FTP" }]),
  irc: tcp([
    { send: "NICK prober" },
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a template of Go
    { expect: "^PING :(?P<token>[^ ]+)", send: "PONG $1 ${token} $$ ${none}." },
    { expect: "^:[^ ]+ 001" },
  ]),
  deaf: { ...tcp([{ expect: "x" }]), timeout: "500ms" },
  unended: tcp([{ expect: "^no newline$" }]),
  long: tcp([{ expect: "x" }]),
  smtp: tcp(SMTP, blind),
  smtp_trusting: tcp(SMTP),
  source: tcp([], { source_ip_address: "127.0.0.1", preferred_ip_protocol: "ip4" }),
  icmp: icmp(),
  icmp_4: icmp({ preferred_ip_protocol: "ip4", ttl: 5, payload_size: 100 }),
  icmp_large: icmp({ payload_size: 9001, source_ip_address: "127.0.0.1" }),
  icmp_whole: icmp({ dont_fragment: true }),
  grpc: grpc({ preferred_ip_protocol: "ip4" }),
  grpc_service: grpc({ service: "shop" }),
  grpc_down: grpc({ service: "down" }),
  grpc_unknown: grpc({ service: "nobody" }),
  grpc_tls: grpc({ tls: true, ...blind, preferred_ip_protocol: "ip4" }),
  grpc_tls_trusting: grpc({ tls: true }),
};

/** Who is spoken to is told by the first thing that the server says. */
const TALKS: Readonly<Record<string, (socket: Socket, certificate: object) => void>> = {
  ssh: (socket) => socket.end("hello\r\nSSH-2.0-Test\r\n"),
  irc: (socket) => {
    socket.once("data", () => {
      socket.write("NOTICE x\nPING :a-1\n");
      socket.once("data", (pong) => {
        const isGood = pong.toString() === "PONG a-1 a-1 $ .\n";
        socket.end(isGood ? ":server 001 welcome\n" : `:server 433 ${pong}`);
      });
    });
  },
  deaf: () => {},
  unended: (socket) => socket.end("no newline"),
  long: (socket) => socket.write(Buffer.alloc(100_000, "y")),
  smtp: (socket, certificate) => {
    const answers = ["250-here\r\n250-STARTTLS\r\n250 OK\r\n", "220 go\r\n"];
    socket.write("220 mail.example ESMTP\r\n");
    socket.on("data", () => {
      const answer = answers.shift();
      socket.write(answer ?? "");
      if (answers.length > 0) return;
      socket.removeAllListeners("data");
      const secure = new TLSSocket(socket, { isServer: true, ...certificate });
      secure.on("error", () => {});
      secure.once("data", () => secure.write("250-here\r\n250 AUTH PLAIN\r\n"));
    });
  },
};

describe.skipIf(!hasBlackbox)("TCP, ICMP and gRPC, as blackbox_exporter 0.23", () => {
  const ports = new Map<string, number>();
  const servers: Server[] = [];
  const grpcServers: GrpcServer[] = [];
  let blackbox: Blackbox;

  beforeAll(async () => {
    const { cert, key } = await testCertificate("localhost");
    const certificate = { secureContext: createSecureContext({ cert, key }) };
    for (const [name, talk] of Object.entries(TALKS)) {
      const server = createServer((socket) => {
        socket.on("error", () => {});
        talk(socket, certificate);
      });
      servers.push(server.listen(0, "127.0.0.1"));
      await once(server, "listening");
      ports.set(name, (server.address() as AddressInfo).port);
    }
    const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) };
    const plain = ServerCredentials.createInsecure();
    const secure = ServerCredentials.createSsl(null, [pair], false);
    for (const [name, credentials] of [["grpc", plain] as const, ["grpcs", secure] as const]) {
      const server = new GrpcServer();
      const states = { "": "SERVING", shop: "SERVING", down: "NOT_SERVING" } as const;
      new HealthImplementation({ ...states }).addToServer(server);
      const port = await new Promise<number>((resolve, reject) => {
        server.bindAsync("127.0.0.1:0", credentials, (error, bound) =>
          error === null ? resolve(bound) : reject(error),
        );
      });
      ports.set(name, port);
      grpcServers.push(server);
    }
    const empty = new GrpcServer();
    grpcServers.push(empty);
    const port = await new Promise<number>((resolve) => {
      empty.bindAsync("127.0.0.1:0", plain, (_error, bound) => resolve(bound));
    });
    ports.set("no_health", port);
    blackbox = await startBlackbox(MODULES);
  });
  afterAll(async () => {
    await blackbox[Symbol.asyncDispose]();
    for (const server of servers) server.close();
    for (const server of grpcServers) server.forceShutdown();
  });

  test.each([
    ["tcp", "ssh", 1, 0],
    ["source", "ssh", 1, 0],
    ["banner", "ssh", 1, 0],
    ["other_banner", "ssh", 0, 1],
    ["irc", "irc", 1, 0],
    ["deaf", "deaf", 0, 0],
    ["unended", "unended", 1, 0],
    ["long", "long", 0, 0],
    ["smtp", "smtp", 1, 0],
    ["smtp_trusting", "smtp", 0, 0],
  ] as const)("%s of %s", async (module, server, success, byRegex) => {
    const { series } = await blackbox.same(module, `localhost:${ports.get(server)}`);
    const said = { probe_success: success, probe_failed_due_to_regex: byRegex };
    expect(series).toMatchObject(said);
  });

  test.each(["127.0.0.1:1", "nowhere.invalid:80", "[::1]:1"])(
    "nobody there: %s",
    async (target) => {
      const { series } = await blackbox.same("tcp", target);
      expect(series).toMatchObject({ probe_success: 0 });
    },
  );

  test.each([
    ["icmp", "127.0.0.1", 4],
    ["icmp", "localhost", 4],
    ["icmp", "::1", 6],
    ["icmp_4", "127.0.0.1", 4],
    ["icmp_large", "127.0.0.1", 4],
    ["icmp_whole", "127.0.0.1", 4],
  ] as const)("%s of %s", async (module, target, protocol) => {
    const { series } = await blackbox.same(module, target);
    expect(series).toMatchObject({ probe_success: 1, probe_ip_protocol: protocol });
  });

  test("icmp of nobody", async () => {
    await blackbox.same("icmp", "nowhere.invalid");
  });

  test.each([
    ["grpc", "grpc", 1, 0],
    ["grpc_service", "grpc", 1, 0],
    ["grpc_down", "grpc", 0, 0],
    ["grpc_unknown", "grpc", 0, 5],
    ["grpc", "no_health", 0, 12],
    ["grpc_tls", "grpcs", 1, 0],
    ["grpc_tls_trusting", "grpcs", 0, 14],
    ["grpc_tls", "grpc", 0, 14],
  ] as const)("%s of %s", async (module, server, success, status) => {
    const { series } = await blackbox.same(module, `localhost:${ports.get(server)}`);
    expect(series).toMatchObject({ probe_success: success, probe_grpc_status_code: status });
  });

  test("gRPC of nobody", async () => {
    await blackbox.same("grpc", "127.0.0.1:1");
    await blackbox.same("grpc", "nowhere.invalid:1");
  });
});
