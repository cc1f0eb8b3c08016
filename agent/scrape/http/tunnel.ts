import type { RequestOptions } from "node:https";
import type { Socket } from "node:net";
import { OperationalError } from "../../../shared/errors.ts";
import { loadHttp, loadHttps } from "../../../shared/platform/http-module.ts";
import { HEADER_BYTES_MAX } from "./get-request.ts";
import type { Headers } from "./request-headers.ts";

/** A proxy that is asked to CONNECT. */
export type Tunnel = {
  readonly proxy: RequestOptions;
  readonly headers: Headers;
};

/**
 * A connection to `authority`, a host and port, through a proxy.
 * @throws OperationalError UNAVAILABLE when the proxy refuses; system errors
 */
export function openTunnel(
  { proxy, headers }: Tunnel,
  authority: string,
  stop: AbortSignal,
): Promise<Socket> {
  const { request } = proxy.protocol === "https:" ? loadHttps() : loadHttp();
  return new Promise((resolve, reject) => {
    const sent = request({
      ...proxy,
      method: "CONNECT",
      path: authority,
      headers: { ...headers, host: authority },
      agent: false,
      maxHeaderSize: HEADER_BYTES_MAX,
    });
    const abort = () => void sent.destroy();
    stop.addEventListener("abort", abort, { once: true });
    const forget = () => stop.removeEventListener("abort", abort);
    sent.on("error", (error) => {
      forget();
      reject(error);
    });
    sent.once("connect", ({ statusCode = 0 }, socket: Socket) => {
      forget();
      if (statusCode >= 200 && statusCode < 300) return resolve(socket);
      socket.destroy();
      reject(new OperationalError("UNAVAILABLE", `the proxy answered with status ${statusCode}`));
    });
    if (stop.aborted) abort();
    sent.end();
  });
}
