import type { FastifyInstance } from "fastify";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { ApiError } from "./api-error.ts";
import type { LokiPush } from "./loki-push.ts";
import { type PushedStream, readPush } from "./loki-push-body.ts";

/** Bytes of a body as it comes. */
const BODY_BYTES_MAX = 4 * 1024 * 1024;
/** Pushes under way: each holds its body, and what it becomes. */
const PUSHES_MAX = 16;

/** `POST /loki/api/v1/push`, in a scope of its own: it takes a body of any type as bytes. */
export function addPushRoute(scope: FastifyInstance, push: LokiPush): void {
  let running = 0;
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );
  scope.addHook("onRequest", async (_request, reply) => {
    if (running >= PUSHES_MAX) {
      throw new ApiError("too_many", `Ingestion rate limit exceeded: ${running} pushes under way`);
    }
    running += 1;
    reply.raw.once("close", () => {
      running -= 1;
    });
  });
  scope.post("/loki/api/v1/push", { bodyLimit: BODY_BYTES_MAX }, async (request, reply) => {
    const { headers, body } = request;
    const bytes = body instanceof Uint8Array ? body : new Uint8Array(0);
    const encoding = (headers["content-encoding"] ?? "").trim().toLowerCase();
    const type = headers["content-type"] ?? "";
    await push.push(await read({ bytes, type, encoding }));
    return reply.code(204).send();
  });
}

/** What cannot be read is its sender's mistake. */
async function read(body: Parameters<typeof readPush>[0]): Promise<PushedStream[]> {
  try {
    return await readPush(body);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    throw new ApiError("bad_data", errorMessage(error), { cause: error });
  }
}
