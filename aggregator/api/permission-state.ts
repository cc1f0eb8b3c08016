import { ROLES, type Role } from "../../shared/model/role.ts";
import type { Person } from "../model/access.ts";
import { PAGE_PATHS } from "../model/page-paths.ts";

/** Who calls, as far as it was proved. */
export type Caller =
  | { readonly kind: "agent"; readonly node: string }
  | ({ readonly kind: "person" } & Person)
  /** On this machine, where nothing is asked. */
  | { readonly kind: "local" }
  /** `reason` is the label of a metric, `text` is for the caller. */
  | { readonly kind: "nobody"; readonly reason: string; readonly text: string };

export type Refusal = {
  readonly code: "UNAUTHENTICATED" | "FORBIDDEN";
  readonly reason: string;
  readonly text: string;
};

type Requirement = Role | "agent" | "nothing";

/** The page's files, which are the same for all, and where one signs in. */
const OPEN_PATTERNS: ReadonlySet<string> = new Set([...PAGE_PATHS, "/assets/:name", "/session"]);

/** By method or, with a slash at its end, by service; what is not named asks for a viewer. */
const REQUIREMENTS: readonly (readonly [path: string, requirement: Requirement])[] = [
  ["/telltale.v1.Identity/Join", "nothing"],
  ["/telltale.v1.Identity/", "agent"],
  ["/telltale.v1.Ingest/", "agent"],
  ["/telltale.v1.Access/", "admin"],
  ["/telltale.v1.Alerts/List", "viewer"],
  ["/telltale.v1.Alerts/Silences", "viewer"],
  ["/telltale.v1.Alerts/Deliveries", "viewer"],
  ["/telltale.v1.Alerts/", "operator"],
];

/** Why the caller may not call the gRPC method; null: it may. */
export function refusalOf(caller: Caller, method: string): Refusal | null {
  const [, requirement] = REQUIREMENTS.find(([path]) => method.startsWith(path)) ?? ["", "viewer"];
  return refusalFor(caller, requirement as Requirement);
}

/**
 * What a route of the HTTP server asks for; `pattern` is the route's own, for a request may write its
 * path in many ways.
 */
export function httpRole(method: string, pattern: string): Role | "nothing" {
  if (pattern === "/-/reload") return "admin";
  if (OPEN_PATTERNS.has(pattern)) return "nothing";
  const isPush = pattern === "/loki/api/v1/push" || pattern === "/api/v1/write";
  const isOfAlerts = pattern.startsWith("/api/v2/") || pattern.startsWith("/api/telltale/");
  const isChange = isOfAlerts && method !== "GET" && method !== "HEAD";
  return isPush || isChange ? "operator" : "viewer";
}

/** Whether a request does more than ask: for it another site's page must not use our users' browsers. */
export function changesState(method: string, pattern: string): boolean {
  const role = httpRole(method, pattern);
  if (role === "operator" || role === "admin") return true;
  return pattern === "/session" && method !== "GET" && method !== "HEAD";
}

export function refusalFor(caller: Caller, requirement: Requirement): Refusal | null {
  if (requirement === "nothing") return null;
  switch (caller.kind) {
    case "nobody":
      return { code: "UNAUTHENTICATED", reason: caller.reason, text: caller.text };
    case "local":
      return requirement === "admin"
        ? forbidden("Rights are given and taken by an admin, see docs/security.md")
        : null;
    case "agent":
      return requirement === "agent"
        ? null
        : forbidden(`Node ${caller.node} may send its samples and nothing else`);
    case "person":
      return personRefusal(caller, requirement);
  }
}

function personRefusal(
  { name, role }: Extract<Caller, { readonly kind: "person" }>,
  requirement: Role | "agent",
): Refusal | null {
  if (requirement === "agent") return forbidden(`This is for agents, and ${name} is a ${role}`);
  if (ROLES.indexOf(role) >= ROLES.indexOf(requirement)) return null;
  return forbidden(`${name} is a ${role}, and this is for the role ${requirement}`);
}

function forbidden(text: string): Refusal {
  return { code: "FORBIDDEN", reason: "role", text };
}
