import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { isIPv6, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { errorMessage, OperationalError } from "../../../shared/errors.ts";
import { VERSION } from "../../../shared/version.ts";
import type { GrpcModule } from "../config/probe-config.ts";
import { chooseAddress } from "../net/choose-address.ts";
import { openHttp2 } from "../net/open-http2.ts";
import { hostAndPort, openSocket } from "../net/open-socket.ts";
import type { ProbeRun, Prober } from "../probe-run.ts";
import { figuresOf, setCertificate } from "../tls/chain-figures.ts";
import { openSecure } from "../tls/open-secure.ts";
import { checkRequest, STATES, stateOf } from "./health-message.ts";

/** Source: grpc.github.io, "gRPC over HTTP2" and statuscodes.md. */
const CHECK = "/grpc.health.v1.Health/Check";
const STATUS = { ok: 0, unknown: 2, deadline: 4, unavailable: 14 };
const ANSWER_BYTES_MAX = 4096;
const HEADER_BYTES_MAX = 16 * 1024;

/** What came of the call. `message` is of the server. */
type Called = {
  readonly status: number;
  readonly message: string;
  readonly answer: Buffer;
  readonly secured: TLSSocket | null;
};

export const probeGrpc: Prober<GrpcModule> = async (address, module, run) => {
  const { page, clock, signal } = run;
  page.set("probe_grpc_ssl", 0);
  page.set("probe_grpc_status_code", 0);
  page.set("probe_ssl_earliest_cert_expiry", 0);
  page.set("probe_grpc_duration_seconds", 0, { phase: "resolve" });
  const plainPort = module.usesTls ? 443 : 80;
  const { host, port } = hostAndPort(address) ?? {
    host: address.replace(/^\[|\]$/g, ""),
    port: plainPort,
  };
  const { ip, seconds } = await chooseAddress(host, module.ip, run);
  page.set("probe_grpc_duration_seconds", seconds, { phase: "resolve" });
  const beganMs = clock.monotonicMs();
  let called: Called | null = null;
  let state: string | null = null;
  try {
    called = await call({ host, ip, port }, module, run);
    if (called.status === STATUS.ok) state = stateOf(called.answer);
  } finally {
    const elapsed = (clock.monotonicMs() - beganMs) / 1000;
    page.set("probe_grpc_duration_seconds", elapsed, { phase: "check" });
    const status = signal.aborted ? STATUS.deadline : STATUS.unavailable;
    page.set("probe_grpc_status_code", called?.status ?? status);
    for (const one of STATES) {
      const labels = { serving_status: one };
      page.set("probe_grpc_healthcheck_response", Number(one === state), labels);
    }
  }
  const { status, message, secured } = called;
  if (status !== STATUS.ok) {
    throw new OperationalError("UNAVAILABLE", `gRPC status ${status}: ${message}`);
  }
  if (secured !== null) {
    page.set("probe_grpc_ssl", 1);
    setCertificate(page, figuresOf(secured));
  }
  if (state !== "SERVING") {
    throw new OperationalError("UNAVAILABLE", `The server says ${state ?? "nothing known"}`);
  }
};

type Place = { readonly host: string; readonly ip: string; readonly port: number };

async function call(
  { host, ip, port }: Place,
  { usesTls, tls: settings, service }: GrpcModule,
  run: ProbeRun,
): Promise<Called> {
  const plain = await openSocket({ ip, port, sourceAddress: null }, run.signal);
  const secured = usesTls
    ? await openSecure(plain, { settings, host, protocols: ["h2"] }, run)
    : null;
  const scheme = usesTls ? "https" : "http";
  const authority = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const socket: Socket = secured ?? plain;
  const origin = `${scheme}://${authority}`;
  const session = await openHttp2(origin, socket, HEADER_BYTES_MAX, run.signal);
  try {
    const stream = session.request({
      ":method": "POST",
      ":path": CHECK,
      ":scheme": scheme,
      ":authority": authority,
      "content-type": "application/grpc",
      "user-agent": `telltale/${VERSION}`,
      te: "trailers",
    });
    stream.end(checkRequest(service));
    return { ...(await answerOf(session, stream)), secured };
  } finally {
    session.destroy();
  }
}

function answerOf(
  session: ClientHttp2Session,
  stream: ClientHttp2Stream,
): Promise<Omit<Called, "secured">> {
  const chunks: Buffer[] = [];
  let length = 0;
  let head: Readonly<Record<string, unknown>> = {};
  return new Promise((resolve, reject) => {
    const done = (trailers: Readonly<Record<string, unknown>>) => {
      const given = trailers["grpc-status"] ?? head["grpc-status"];
      const message = String(trailers["grpc-message"] ?? head["grpc-message"] ?? "");
      const status = given === undefined ? STATUS.unknown : Number(given);
      const isOther = given === undefined && head[":status"] !== 200;
      resolve({
        status,
        message: isOther ? `HTTP status ${String(head[":status"])}` : message,
        answer: Buffer.concat(chunks),
      });
    };
    session.on("error", reject);
    stream.on("error", (error) => {
      reject(new OperationalError("UNAVAILABLE", errorMessage(error), { cause: error }));
    });
    stream.on("response", (fields) => {
      head = fields;
    });
    stream.on("trailers", done);
    stream.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > ANSWER_BYTES_MAX) stream.destroy(new Error("The answer is too long"));
      else chunks.push(chunk);
    });
    stream.on("end", () => done({}));
    stream.on("close", () => {
      reject(new OperationalError("UNAVAILABLE", "The connection was closed before an answer"));
    });
  });
}
