import type { FastifyInstance } from "fastify";
import { Secret } from "../../shared/secret.ts";
import type { Person } from "../model/access.ts";
import { NO_SESSION, sessionCookie, tokenOfCookie } from "../model/session-cookie.ts";

/** Whom a token stands for; null: nobody. */
export type People = { personOf(token: Secret): Person | null };

/** `open`: nobody is asked who they are. */
type Session = { readonly access: "open" | "none" } | ({ readonly access: "person" } & Person);

const TOKEN = /^[\x21\x23-\x3a\x3c-\x7e]{1,512}$/;

/** Signing in with a token, and out. `people` null: there is nothing to sign in to. */
export function addSessionRoutes(server: FastifyInstance, people: People | null): void {
  const sessionOf = (cookie: string | undefined): Session => {
    if (people === null) return { access: "open" };
    return sessionWith(people, tokenOfCookie(cookie));
  };
  server.addHook("onRequest", async ({ routeOptions }, reply) => {
    if (routeOptions.url === "/session") reply.header("cache-control", "no-store");
  });
  server.get("/session", async ({ headers }) => sessionOf(headers.cookie));
  server.post("/session", async ({ body }, reply) => {
    if (people === null) return { access: "open" } satisfies Session;
    const token = (body as { readonly token?: unknown } | null)?.token;
    const isToken = typeof token === "string" && TOKEN.test(token);
    const session = sessionWith(people, isToken ? token : null);
    if (session.access === "none") return reply.code(401).send(session);
    return reply.header("set-cookie", sessionCookie(String(token))).send(session);
  });
  server.delete("/session", async (_request, reply) => {
    return reply.header("set-cookie", NO_SESSION).send({ access: "none" } satisfies Session);
  });
}

function sessionWith(people: People, token: string | null): Session {
  const person = token === null ? null : people.personOf(new Secret(token));
  return person === null ? { access: "none" } : { access: "person", ...person };
}
