import type { FastifyInstance } from "fastify";
import { ApiError } from "./api-error.ts";

export type RemoteWritePort = {
  write(body: {
    readonly bytes: Uint8Array;
    readonly type: string;
    readonly encoding: string;
  }): Promise<{
    readonly status: number;
    readonly text: string;
    readonly samplesWritten: number | null;
  }>;
};

/** Bytes of a body as it comes; unpacked, it has a limit of its own. */
const BODY_BYTES_MAX = 32 * 1024 * 1024;
/** Requests under way: what is beyond these is to be sent again. */
const WRITES_MAX = 64;
const RETRY_SECONDS = "1";

/**
 * `POST /api/v1/write`, remote write 1.0 and 2.0, in a scope of its own: it takes a body of any type as
 * bytes. Source: prometheus.io/docs/specs/prw.
 */
export function addRemoteWriteRoute(scope: FastifyInstance, remote: RemoteWritePort): void {
  let running = 0;
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );
  scope.addHook("onRequest", async (_request, reply) => {
    if (running >= WRITES_MAX) {
      reply.header("retry-after", RETRY_SECONDS);
      throw new ApiError("unavailable", `${running} writes are under way: send it again`);
    }
    running += 1;
    reply.raw.once("close", () => {
      running -= 1;
    });
  });
  scope.post("/api/v1/write", { bodyLimit: BODY_BYTES_MAX }, async (request, reply) => {
    const { headers, body } = request;
    const answer = await remote.write({
      bytes: body instanceof Uint8Array ? body : new Uint8Array(0),
      type: headers["content-type"] ?? "",
      encoding: (headers["content-encoding"] ?? "").trim().toLowerCase(),
    });
    if (answer.samplesWritten !== null) {
      reply.header("x-prometheus-remote-write-samples-written", answer.samplesWritten);
      reply.header("x-prometheus-remote-write-histograms-written", 0);
      reply.header("x-prometheus-remote-write-exemplars-written", 0);
    }
    if (answer.status === 503) reply.header("retry-after", RETRY_SECONDS);
    reply.code(answer.status).type("text/plain; charset=utf-8");
    return answer.text === "" ? reply.send() : reply.send(`${answer.text}\n`);
  });
}
