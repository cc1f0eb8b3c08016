import { connect } from "node:http2";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { credentials, Metadata } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { newKeyAndRequest } from "../../agent/identity/enrolment.ts";
import { channelSecurity } from "../../agent/identity/held-identity.ts";
import { Access } from "../../aggregator/access/access.ts";
import { accessServices } from "../../aggregator/access/access-service.ts";
import { createAlertsService } from "../../aggregator/api/alerts-service.ts";
import { startGrpcServer } from "../../aggregator/api/grpc-server.ts";
import { createLogsService } from "../../aggregator/api/logs-service.ts";
import { createQueryService } from "../../aggregator/api/query-service.ts";
import { createServicesService } from "../../aggregator/api/services-service.ts";
import { createTargetsService } from "../../aggregator/api/targets-service.ts";
import { TlsDoor } from "../../aggregator/api/tls-door.ts";
import { openLevelStore } from "../../shared/platform/level-store.ts";
import { expositionText } from "../../shared/telemetry/exposition.ts";
import { parseJoinToken } from "../../shared/wire/join-token.ts";
import { loadTelltale } from "../../shared/wire/proto.ts";
import { AGGREGATOR_NAME, TLS_CHANNEL_OPTIONS } from "../../shared/wire/tls.ts";
import { directoryForTest } from "../support/directory-for-test.ts";
import { call } from "../support/grpc-call.ts";
import { createApiBed, LOOPBACK } from "./api-bed.ts";

const LEVEL = { cacheBytes: 1024 ** 2, writeBufferBytes: 1024 ** 2 };
const DAY_MS = 86_400_000;
const PINGS_MAX = 2_000_000;
/** Types of HTTP/2 frames. */
const SETTINGS = 4;
const PING = 6;

async function openAccess(directory: string, bed = createApiBed()) {
  const { clock, logger, metrics } = bed;
  return await openLevelStore(
    directory,
    LEVEL,
    () => {},
    async (store) => {
      const deps = { store, clock, logger, metrics };
      const options = { names: ["localhost", "127.0.0.1"], certificateLifeMs: DAY_MS };
      return { access: await Access.open(deps, options), close: () => store.close() };
    },
  );
}

async function startBed() {
  const bed = createApiBed();
  const { clock, logger, metrics } = bed;
  const directory = directoryForTest();
  const { access, close } = await openAccess(join(directory, "access"), bed);
  let door: TlsDoor | null = null;
  const fingerprint = (peer: string) => door?.agentOf(peer)?.fingerprint ?? "";
  const server = await startGrpcServer(
    {
      ingest: { Stream: () => {} },
      query: createQueryService(bed.api, logger),
      services: createServicesService(bed.api, logger),
      logs: createLogsService(bed.logs, logger),
      alerts: createAlertsService(bed.alerts, clock, bed.logger),
      targets: createTargetsService(bed.api, logger),
      clock,
      access: {
        ...accessServices(access, fingerprint, logger),
        refusals: metrics.counter("telltale_access_refusals_total", "Refusals."),
        adminSocket: join(directory, "admin.sock"),
        openDoor: (inject) => {
          door = new TlsDoor({ gate: access, clock, logger, metrics }, inject);
          return door;
        },
      },
    },
    LOOPBACK,
  );
  onTestFinished(async () => {
    await server[Symbol.asyncDispose]();
    await close();
  });
  return { access, server, page: () => expositionText(metrics.samples()) };
}

async function joined(access: Access, node: string, aggregator: string) {
  const { token } = await access.createJoinToken(node, 0);
  const { privateKeyPem, request } = await newKeyAndRequest();
  const { secret } = parseJoinToken(token.reveal());
  const { certificate, authorities } = await access.join(secret, node, request);
  return {
    aggregator,
    node,
    privateKeyPem,
    certificatePem: certificate,
    authoritiesPem: authorities,
    issuedMs: 0,
    notAfterMs: DAY_MS,
  };
}

function http2Frame(type: number, length: number): Buffer {
  const frame = Buffer.alloc(9 + length); // on stream 0, without flags
  frame[2] = length;
  frame[3] = type;
  return frame;
}

test("what was given and taken is the same after a restart", async () => {
  const directory = directoryForTest();
  const first = await openAccess(directory);
  const { access } = first;
  await joined(access, "n1", "a:1");
  await joined(access, "n2", "a:1");
  await access.revoke("n2");
  const token = await access.addUser("ann", "operator");
  const gone = await access.addUser("bob", "admin");
  await access.removeUser("bob");
  const unused = await access.createJoinToken("", 0);
  const before = access.agents();
  await first.close();
  const second = await openAccess(directory);
  expect(second.access.agents()).toEqual(before);
  expect(second.access.agents().map(({ revokedMs }) => revokedMs > 0)).toEqual([false, true]);
  expect(second.access.personOf(token)).toMatchObject({ name: "ann", role: "operator" });
  expect(second.access.personOf(gone)).toBeNull();
  const { request } = await newKeyAndRequest();
  const { secret } = parseJoinToken(unused.token.reveal());
  await second.access.join(secret, "n3", request);
  await second.close();
});

test("of two that join with one token at the same time, one does", async () => {
  const { access, close } = await openAccess(directoryForTest());
  const { token } = await access.createJoinToken("", 0);
  const { secret } = parseJoinToken(token.reveal());
  const { request } = await newKeyAndRequest();
  const joins = ["n1", "n2", "n3"].map((node) => access.join(secret, node, request));
  const outcomes = await Promise.allSettled(joins);
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  expect(access.agents()).toHaveLength(1);
  await close();
});

test("a node that is revoked while it renews has no new certificate", async () => {
  const { access, close } = await openAccess(directoryForTest());
  await joined(access, "n1", "a:1");
  const { fingerprint } = access.agents()[0] ?? { fingerprint: "" };
  const { request } = await newKeyAndRequest();
  const [renewal] = await Promise.allSettled([
    access.renew(fingerprint, request),
    access.revoke("n1"),
  ]);
  expect(renewal.status).toBe("rejected");
  expect(access.agents()).toMatchObject([{ fingerprint }]);
  await access.seen(fingerprint);
  expect(access.standing(fingerprint)).toMatchObject({ kind: "refused", reason: "revoked" });
  await close();
});

test("a request for a certificate that is broken, too long or not the sender's is refused", async () => {
  const { access, close } = await openAccess(directoryForTest());
  const { token } = await access.createJoinToken("", 0);
  const { secret } = parseJoinToken(token.reveal());
  const { request } = await newKeyAndRequest();
  const forged = Buffer.from(request);
  forged[forged.length - 5] = (forged[forged.length - 5] ?? 0) ^ 1;
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(5000, 48), forged, request.subarray(0, 90)]) {
    await expect(access.join(secret, "n1", bytes)).rejects.toThrow("Certificate request");
  }
  await access.join(secret, "n1", request); // the token is not used up by what failed
  await close();
});

test("an agent may renew and not ask; a stranger's certificate is worth nothing", async () => {
  const { access, server } = await startBed();
  const member = await joined(access, "n1", server.address);
  const { Identity, Query } = loadTelltale().v1;
  const { credentials: channel, options } = channelSecurity(member);
  const { request } = await newKeyAndRequest();
  const identity = new Identity(server.address, channel, options);
  const renewed = await call(identity, identity.renew, { certificateRequest: request });
  identity.close();
  expect(renewed.node).toBe("n1");
  const refusal = (secure: { credentials: typeof channel }) => {
    const query = new Query(server.address, secure.credentials, TLS_CHANNEL_OPTIONS);
    onTestFinished(() => query.close());
    return expect(call(query, query.nodes, {})).rejects;
  };
  await refusal(channelSecurity(member)).toThrow("Node n1 may send its samples");
  const other = await openAccess(directoryForTest());
  const foreign = await joined(other.access, "n1", server.address);
  await other.close();
  const stranger = { ...foreign, authoritiesPem: member.authoritiesPem };
  await refusal(channelSecurity(stranger)).toThrow("not one that this aggregator");
});

test("a connection whose calls are taken back over and over is cut, and counted", async () => {
  const { access, server, page } = await startBed();
  const metadata = new Metadata();
  const token = await access.addUser("ann", "viewer");
  metadata.set("authorization", `Bearer ${token.reveal()}`);
  const [ca = ""] = access.serverTls.ca;
  const { privateKeyPem: key, certificatePem: cert } = await joined(access, "n1", "a:1");
  const tls = { ca, key, cert, servername: AGGREGATOR_NAME };
  const session = connect(`https://${server.address}`, tls);
  onTestFinished(() => session.destroy());
  session.on("error", () => {});
  const closed = new Promise<void>((resolve) => session.once("close", resolve));
  const headers = {
    ":method": "POST",
    ":path": "/telltale.v1.Ingest/Stream",
    "content-type": "application/grpc",
    te: "trailers",
  };
  for (let i = 0; i < 300 && !session.closed && !session.destroyed; i += 1) {
    const stream = session.request(headers);
    stream.on("error", () => {});
    await new Promise((resolve) => setTimeout(resolve, 5));
    stream.close(8); // CANCEL
  }
  await closed;
  expect(page()).toContain('telltale_grpc_connections_refused_total{reason="resets"} 1');
  // The others are served.
  const { Query } = loadTelltale().v1;
  const query = new Query(
    server.address,
    credentials.createSsl(Buffer.from(ca)),
    TLS_CHANNEL_OPTIONS,
  );
  expect(await call(query, query.nodes, {}, { metadata })).toHaveProperty("nodes");
  query.close();
});

test("a connection that pings without end is cut", async () => {
  const { access, server } = await startBed();
  const [ca = ""] = access.serverTls.ca;
  const { privateKeyPem: key, certificatePem: cert } = await joined(access, "n1", "a:1");
  const [host = "", port] = server.address.split(":");
  const tls = { ca, key, cert, servername: AGGREGATOR_NAME, ALPNProtocols: ["h2"] };
  const socket = connectTls({ ...tls, host, port: Number(port) });
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => socket.once("close", resolve));
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  socket.write(http2Frame(SETTINGS, 0));
  const pings = Buffer.concat(Array.from({ length: 1000 }, () => http2Frame(PING, 8)));
  for (let sent = 0; !socket.closed && sent < PINGS_MAX; sent += 1000) {
    if (socket.write(pings)) continue;
    await Promise.race([new Promise((resolve) => socket.once("drain", resolve)), closed]);
  }
  expect(socket.closed).toBe(true);
});
