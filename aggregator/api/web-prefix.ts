import type { FastifyInstance } from "fastify";

/** An address that no route has. */
const NOWHERE = "/-/outside-of-the-prefix";

/**
 * A request's address as the routes know it: without the prefix. What is outside of the prefix leads
 * nowhere.
 * @param prefix "" or such as `/telltale`
 */
export function withoutPrefix(url: string, prefix: string): string {
  if (prefix === "") return url;
  const rest = url.startsWith(prefix) ? url.slice(prefix.length) : "";
  return rest.startsWith("/") ? rest : NOWHERE;
}

/** Whoever asks for nothing, or for the prefix without its slash, is led to the page. */
export function addPrefixRedirect(server: FastifyInstance, prefix: string): void {
  if (prefix === "") return;
  server.addHook("onRequest", async ({ method, originalUrl }, reply) => {
    const [path = ""] = originalUrl.split("?", 1);
    if (method !== "GET" || (path !== "/" && path !== prefix)) return;
    await reply.redirect(`${prefix}/${originalUrl.slice(path.length)}`, 302);
  });
}
