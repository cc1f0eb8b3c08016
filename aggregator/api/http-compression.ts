import { pipeline, Readable } from "node:stream";
import { promisify } from "node:util";
import { constants, createGzip, gzip } from "node:zlib";
import type { FastifyInstance } from "fastify";
import { JSON_TYPE } from "./http-routes.ts";

const compressed = promisify(gzip);
/** Shorter answers fit one packet as they are. */
const BYTES_MIN = 1024;
/** Results shrink to a tenth by it already, and the aggregator has other things to do. */
const OPTIONS = { level: constants.Z_BEST_SPEED };

/** Answers go out compressed where the client takes gzip, as Prometheus and Loki do it. */
export function addCompression(server: FastifyInstance): void {
  server.addHook("onSend", async (request, reply, payload) => {
    const isStream = payload instanceof Readable;
    const isBytes = payload instanceof Uint8Array;
    const isJson = reply.getHeader("content-type") === JSON_TYPE; // other bytes come as they are to go
    if (typeof payload !== "string" && !(isJson && (isStream || isBytes))) return payload;
    if (!isStream && payload.length < BYTES_MIN) return payload;
    reply.header("vary", "Accept-Encoding");
    if (!takesGzip(request.headers["accept-encoding"])) return payload;
    reply.header("content-encoding", "gzip");
    reply.removeHeader("content-length");
    if (!isStream) return await compressed(payload, OPTIONS);
    // What goes wrong ends the answer, and with it the connection.
    return pipeline(payload, createGzip(OPTIONS), () => {});
  });
}
/** Whether a header such as `gzip, deflate;q=0.5` names gzip, and not with the weight 0. */
export function takesGzip(header: string | readonly string[] | undefined): boolean {
  return String(header ?? "")
    .split(",")
    .some((part) => /^\s*(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*$)[\d.]+\s*)?$/i.test(part));
}
