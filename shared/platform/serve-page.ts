import type { Address } from "../model/address.ts";
import { loadHttp } from "./http-module.ts";
import { bindError } from "./listen-error.ts";

/**
 * Serves one text at /metrics, made anew for each request.
 * @throws OperationalError IN_USE when the port is taken
 */
export async function servePage(address: Address, page: () => string): Promise<AsyncDisposable> {
  const server = loadHttp().createServer({ requestTimeout: 10_000 }, (request, response) => {
    const isPage = request.url === "/metrics" && ["GET", "HEAD"].includes(request.method ?? "");
    const type = "text/plain; version=0.0.4; charset=utf-8";
    response.writeHead(isPage ? 200 : 404, { "content-type": type });
    response.end(isPage ? page() : "See /metrics\n");
  });
  server.maxConnections = 32;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(bindError(address, error)));
    server.listen(address.port, address.host, resolve);
  });
  return {
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
