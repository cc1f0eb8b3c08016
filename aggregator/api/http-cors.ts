import type { FastifyInstance } from "fastify";

const HEADERS = {
  "access-control-allow-headers": "Accept, Authorization, Content-Type, Origin",
  "access-control-allow-methods": "GET, POST, OPTIONS",
  "access-control-expose-headers": "Date",
};

/**
 * Pages of these origins may ask Prometheus' API from a browser; `*`: of any. Never with the cookie of
 * our own page: such an answer says nothing of credentials.
 */
export function addCors(server: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  server.addHook("onRequest", async (request, reply) => {
    const { origin } = request.headers;
    const isOfApi = request.url.startsWith("/api/v1/");
    if (origin === undefined || !isOfApi) return;
    reply.header("vary", "Origin");
    const isAny = origins.includes("*");
    if (!isAny && !origins.includes(origin)) return;
    reply.headers({ ...HEADERS, "access-control-allow-origin": isAny ? "*" : origin });
    if (request.method === "OPTIONS") await reply.code(204).send();
  });
}
