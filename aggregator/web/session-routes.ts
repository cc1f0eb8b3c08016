import type { FastifyInstance } from "fastify";
import { Secret } from "../../shared/secret.ts";
import type { Person } from "../model/access.ts";
import { noSession, secretOfCookie, sessionCookie } from "../model/session-cookie.ts";

export type People = {
  /** Whom a token stands for; null: nobody. */
  personOf(token: Secret): Person | null;
  readonly sessions: {
    /** @throws OperationalError NOT_FOUND, STORAGE */
    begin(user: string): Promise<Secret>;
    /** Null: the secret is no session's any more. */
    personOf(secret: Secret): Person | null;
    /** @throws OperationalError STORAGE */
    end(secret: Secret): Promise<void>;
  };
};

/** Of whoever asks, and of nobody else. `open`: nobody is asked who they are. */
type Session = { readonly access: "open" | "none" } | ({ readonly access: "person" } & Person);

const NOBODY: Session = { access: "none" };
const OPEN: Session = { access: "open" };
const TOKEN = /^[\x21\x23-\x3a\x3c-\x7e]{1,512}$/;

/** Signing in with a token, and out. `people` null: there is nothing to sign in to. */
export function addSessionRoutes(
  server: FastifyInstance,
  people: People | null,
  prefix: string,
): void {
  const secretOf = (cookie: string | undefined): Secret | null => {
    const secret = secretOfCookie(cookie, prefix);
    return secret === null ? null : new Secret(secret);
  };
  server.addHook("onRequest", async ({ routeOptions }, reply) => {
    if (routeOptions.url === "/session") reply.header("cache-control", "no-store");
  });
  server.get("/session", async ({ headers }) => {
    if (people === null) return OPEN;
    const secret = secretOf(headers.cookie);
    return sessionOf(secret === null ? null : people.sessions.personOf(secret));
  });
  server.post("/session", async ({ body, headers }, reply) => {
    if (people === null) return OPEN;
    const token = (body as { readonly token?: unknown } | null)?.token;
    const isToken = typeof token === "string" && TOKEN.test(token);
    const person = isToken ? people.personOf(new Secret(token)) : null;
    if (person === null) return reply.code(401).send(NOBODY);
    const before = secretOf(headers.cookie);
    if (before !== null) await people.sessions.end(before);
    const secret = await people.sessions.begin(person.name);
    const cookie = sessionCookie(secret.reveal(), prefix);
    return reply.header("set-cookie", cookie).send(sessionOf(person));
  });
  server.delete("/session", async ({ headers }, reply) => {
    const secret = secretOf(headers.cookie);
    if (secret !== null) await people?.sessions.end(secret);
    return reply.header("set-cookie", noSession(prefix)).send(NOBODY);
  });
}

function sessionOf(person: Person | null): Session {
  return person === null ? NOBODY : { access: "person", name: person.name, role: person.role };
}
