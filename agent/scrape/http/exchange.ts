import type { ClientRequest, IncomingMessage } from "node:http";
import { OperationalError } from "../../../shared/errors.ts";
import { loadHttp } from "../../../shared/platform/http-module.ts";
import type { ConnectionOptions } from "./connections.ts";
import { type GetAnswer, HEADER_BYTES_MAX } from "./get-request.ts";
import { type BodyWish, readBody } from "./read-body.ts";
import type { Headers } from "./request-headers.ts";

export type Exchange = {
  readonly connection: ConnectionOptions;
  readonly headers: Headers;
  readonly body: BodyWish;
};

/**
 * One request and its answer. It is sent again where a kept connection turns out to have been closed
 * before any of the answer came: the server had given it up in the meantime.
 * @throws OperationalError LIMIT, UNAVAILABLE; errors of the system, of TLS and of Node's parser
 */
export async function exchange(
  { connection, headers, body: wish }: Exchange,
  signal: AbortSignal,
): Promise<GetAnswer & { readonly location: string | null }> {
  for (;;) {
    const limits = { maxHeaderSize: HEADER_BYTES_MAX, stop: signal };
    const sent = loadHttp().request({ ...connection, ...limits, method: "GET", headers });
    const abort = () => void sent.destroy();
    signal.addEventListener("abort", abort, { once: true });
    const progress = watch(sent);
    try {
      if (signal.aborted) abort();
      const response = await responseTo(sent);
      const body = await readBody(response, wish);
      const { "content-type": contentType = "", location = null } = response.headers;
      return { status: response.statusCode ?? 0, contentType, location, body };
    } catch (error) {
      sent.destroy();
      if (signal.aborted || !sent.reusedSocket || progress.hasAnswer()) throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }
}

function responseTo(sent: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    sent.once("response", resolve);
    sent.once("upgrade", (_response, socket) => {
      socket.destroy();
      reject(new OperationalError("UNAVAILABLE", "the answer is of another protocol"));
    });
    sent.on("error", reject); // stays: a connection may fail again after it was given up
    sent.end();
  });
}

/** Whether any byte came on the request's connection. */
function watch(sent: ClientRequest): { hasAnswer(): boolean } {
  let bytesBefore = 0;
  sent.once("socket", (socket) => {
    bytesBefore = socket.bytesRead;
  });
  return { hasAnswer: () => (sent.socket?.bytesRead ?? 0) > bytesBefore };
}
