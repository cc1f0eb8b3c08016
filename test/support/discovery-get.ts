import { request } from "node:http";
import type { DiscoveryAnswer, DiscoveryRequest } from "../../agent/scrape/discovery/discovery.ts";

/** Asks over HTTP or a Unix socket, with nothing of what a request's `http` says. */
export async function discoveryGet(
  { url, socketPath, headers }: DiscoveryRequest,
  signal: AbortSignal,
): Promise<DiscoveryAnswer> {
  const socket = socketPath === null ? {} : { socketPath };
  return await new Promise((resolve, reject) => {
    const sent = request(url, { headers, signal, agent: false, ...socket }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const contentType = response.headers["content-type"] ?? "";
        resolve({
          status: response.statusCode ?? 0,
          contentType,
          body: Buffer.concat(chunks).toString(),
        });
      });
    });
    sent.on("error", reject);
    sent.end();
  });
}
