import type { IncomingHttpHeaders } from "node:http";
import type { Role } from "../../shared/model/role.ts";
import { Secret } from "../../shared/secret.ts";
import type { Counter } from "../../shared/telemetry/metrics.ts";
import { secretOfCookie } from "../model/session-cookie.ts";
import { type Caller, refusalFor } from "./permission-state.ts";
import type { GatePort } from "./ports.ts";
import { bearerOf } from "./tls-door.ts";

/** Where it is asked who calls. */
export type HttpGate = {
  readonly port: Pick<GatePort, "personOf" | "serverTls" | "sessions">;
  readonly refusals: Counter;
};

type Shown = Pick<IncomingHttpHeaders, "authorization" | "cookie">;

/** Null: the caller has the role. @param prefix of all paths, which the cookie is under */
export function refusalOfCaller(
  { port, refusals }: HttpGate,
  shown: Shown,
  role: Role | "nothing",
  prefix: string,
): { readonly status: number; readonly text: string } | null {
  const refusal = refusalFor(callerOf(port, shown, prefix), role);
  if (refusal === null) return null;
  refusals.add(1, { reason: refusal.reason });
  return { status: refusal.code === "UNAUTHENTICATED" ? 401 : 403, text: refusal.text };
}

/** A program shows its token, a browser the secret of its session; the token goes first. */
function callerOf(
  port: Pick<GatePort, "personOf" | "sessions">,
  { authorization, cookie }: Shown,
  prefix: string,
): Caller {
  if (authorization !== undefined) return bearerOf(port, authorization);
  const secret = secretOfCookie(cookie, prefix);
  if (secret === null) {
    const text = "No token: send it as Authorization: Bearer TOKEN";
    return { kind: "nobody", reason: "no-credentials", text };
  }
  const person = port.sessions.personOf(new Secret(secret));
  if (person !== null) return { kind: "person", ...person };
  return {
    kind: "nobody",
    reason: "unknown-session",
    text: "The session has ended: sign in again",
  };
}
