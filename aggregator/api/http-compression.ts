import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import type { FastifyInstance } from "fastify";

const compressed = promisify(gzip);
/** Shorter answers fit one packet as they are. */
const BYTES_MIN = 1024;
/** Results shrink to a tenth by it already, and the aggregator has other things to do. */
const OPTIONS = { level: constants.Z_BEST_SPEED };

/** Answers go out compressed where the client takes gzip, as Prometheus and Loki do it. */
export function addCompression(server: FastifyInstance): void {
  server.addHook("onSend", async (request, reply, payload) => {
    if (typeof payload !== "string" || payload.length < BYTES_MIN) return payload;
    reply.header("vary", "Accept-Encoding");
    if (!takesGzip(request.headers["accept-encoding"])) return payload;
    const body = await compressed(payload, OPTIONS);
    reply.header("content-encoding", "gzip");
    reply.removeHeader("content-length");
    return body;
  });
}

/** Whether a header such as `gzip, deflate;q=0.5` names gzip, and not with the weight 0. */
export function takesGzip(header: string | readonly string[] | undefined): boolean {
  return String(header ?? "")
    .split(",")
    .some((part) => /^\s*(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*$)[\d.]+\s*)?$/i.test(part));
}
