/**
 * OTLP over HTTP. Source: opentelemetry.io/docs/specs/otlp, "OTLP/HTTP".
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { OperationalError, systemCode } from "../../../shared/errors.ts";
import type { Address } from "../../../shared/model/address.ts";
import { loadHttp } from "../../../shared/platform/http-module.ts";
import { bindError } from "../../../shared/platform/listen-error.ts";
import type { Admission, Lease } from "./admission.ts";
import {
  type Encoding,
  type Export,
  jsonAnswer,
  NO_TRACES,
  protobufAnswer,
  protobufStatus,
  RETRY_SECONDS,
  refusalOf,
} from "./exports.ts";
import type { Rejected } from "./otlp-metrics.ts";

export type Doors = {
  readonly metrics: Export;
  readonly logs: Export;
  readonly admission: Admission;
  /** Of a request, as it comes and unpacked. */
  readonly bytesMax: number;
};

const CONNECTIONS_MAX = 256;
const REQUEST_MS = 10_000;
const JSON_TYPE = "application/json";
const PROTOBUF_TYPE = "application/x-protobuf";

/** What is answered, and by which google.rpc.Code. */
type Fault = { readonly status: number; readonly code: number; readonly retrySeconds: number };

const MALFORMED: Fault = { status: 400, code: 3, retrySeconds: 0 };
const TOO_LARGE: Fault = { status: 413, code: 3, retrySeconds: 0 };
const TOO_MUCH: Fault = { status: 429, code: 8, retrySeconds: RETRY_SECONDS };
const UNAVAILABLE: Fault = { status: 503, code: 14, retrySeconds: RETRY_SECONDS };
const NOT_FOUND: Fault = { status: 404, code: 12, retrySeconds: 0 };
const WRONG_METHOD: Fault = { status: 405, code: 12, retrySeconds: 0 };
const WRONG_TYPE: Fault = { status: 415, code: 3, retrySeconds: 0 };

class Refused extends Error {
  readonly fault: Fault;

  constructor(fault: Fault, message: string) {
    super(message);
    this.fault = fault;
  }
}

/** @throws OperationalError IN_USE, CONFIG when the address cannot be listened on */
export async function openHttpDoor(address: Address, doors: Doors): Promise<AsyncDisposable> {
  const stop = new AbortController();
  const server = loadHttp().createServer({ requestTimeout: REQUEST_MS }, (request, response) => {
    void answer(request, response, doors, stop.signal);
  });
  server.maxConnections = CONNECTIONS_MAX;
  await listening(server, address);
  return {
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        stop.abort(new OperationalError("UNAVAILABLE", "The agent stops"));
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function listening(server: Server, address: Address): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(bindError(address, error)));
    server.listen(address.port, address.host, resolve);
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  doors: Doors,
  signal: AbortSignal,
): Promise<void> {
  const encoding = encodingOf(request);
  try {
    const [take, counted] = routeOf(request, doors);
    if (encoding === null) {
      throw new Refused(WRONG_TYPE, `Content-Type is to be ${PROTOBUF_TYPE} or ${JSON_TYPE}`);
    }
    const rejected = await taken(request, doors, (bytes) => take(bytes, encoding, signal));
    send(response, encoding, 200, body(rejected, encoding, counted));
  } catch (error) {
    if (response.destroyed || request.errored !== null) return;
    const { fault, message } = refused(error);
    const { status, code, retrySeconds } = fault;
    if (retrySeconds > 0) response.setHeader("retry-after", retrySeconds);
    // What of the request is still to come is not read.
    response.setHeader("connection", "close");
    const text =
      encoding === "protobuf"
        ? protobufStatus(code, message, retrySeconds)
        : Buffer.from(JSON.stringify({ code, message }));
    send(response, encoding ?? "json", status, text);
  }
}

function routeOf({ method, url = "" }: IncomingMessage, doors: Doors): [Export, string] {
  const path = url.split("?", 1)[0];
  if (path === "/v1/traces") throw new Refused(NOT_FOUND, NO_TRACES);
  if (path !== "/v1/metrics" && path !== "/v1/logs") {
    throw new Refused(NOT_FOUND, "There are /v1/metrics and /v1/logs");
  }
  if (method !== "POST") throw new Refused(WRONG_METHOD, "An export is a POST");
  if (path === "/v1/logs") return [doors.logs, "rejectedLogRecords"];
  return [doors.metrics, "rejectedDataPoints"];
}

function encodingOf({ headers }: IncomingMessage): Encoding | null {
  const type = (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase();
  if (type === JSON_TYPE) return "json";
  return type === PROTOBUF_TYPE ? "protobuf" : null;
}

function body(rejected: Rejected, encoding: Encoding, counted: string): Uint8Array {
  return encoding === "json" ? jsonAnswer(rejected, counted) : protobufAnswer(rejected);
}

function send(
  response: ServerResponse,
  encoding: Encoding,
  status: number,
  bytes: Uint8Array,
): void {
  const type = encoding === "json" ? JSON_TYPE : PROTOBUF_TYPE;
  response.writeHead(status, { "content-type": type, "content-length": bytes.length });
  response.end(bytes);
}

function refused(error: unknown): { readonly fault: Fault; readonly message: string } {
  if (error instanceof Refused) return error;
  const { kind, message } = refusalOf(error);
  const faults = { malformed: MALFORMED, too_much: TOO_MUCH, unavailable: UNAVAILABLE };
  return { fault: faults[kind], message };
}

/** Reads the body and gives it to `take`, within what all requests together may hold. */
async function taken(
  request: IncomingMessage,
  { admission, bytesMax }: Doors,
  take: (bytes: Uint8Array) => Promise<Rejected>,
): Promise<Rejected> {
  const isPacked = isGzip(request);
  const announced = Number(request.headers["content-length"] ?? bytesMax);
  if (announced > bytesMax) throw tooLarge(bytesMax);
  const lease = admission.enter(announced);
  if (lease === null) throw tooMuch();
  try {
    const bytes = await bodyOf(request, bytesMax);
    const unpacked = isPacked ? await unpack(bytes, bytesMax, lease) : bytes;
    lease.resize(unpacked.length);
    return await take(unpacked);
  } finally {
    lease.end();
  }
}

function isGzip({ headers }: IncomingMessage): boolean {
  const encoding = (headers["content-encoding"] ?? "identity").trim().toLowerCase();
  if (encoding === "gzip" || encoding === "x-gzip") return true;
  if (encoding === "identity" || encoding === "") return false;
  throw new Refused(WRONG_TYPE, "Content-Encoding is to be gzip, or none");
}

async function bodyOf(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bytesMax) throw tooLarge(bytesMax);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

const expand = promisify(gunzip);

async function unpack(packed: Buffer, bytesMax: number, lease: Lease): Promise<Buffer> {
  if (!lease.resize(packed.length + bytesMax)) throw tooMuch();
  try {
    return await expand(packed, { maxOutputLength: bytesMax });
  } catch (error) {
    if (systemCode(error) === "ERR_BUFFER_TOO_LARGE") throw tooLarge(bytesMax);
    throw new Refused(MALFORMED, "The body is not gzip");
  }
}

function tooLarge(bytesMax: number): Refused {
  return new Refused(
    TOO_LARGE,
    `A request may have ${bytesMax} bytes, unpacked: send less at once`,
  );
}

function tooMuch(): Refused {
  return new Refused(TOO_MUCH, "Too many requests at once");
}
