import { VERSION } from "../../../shared/version.ts";
import type { HttpModule } from "../config/probe-config.ts";
import type { ProbeRun } from "../probe-run.ts";
import type { HeaderFields } from "./http-exchange.ts";
import { basicOf } from "./http-hop.ts";

/** What another server than the target's may be told: none of it can be a secret. */
const HARMLESS = new Set(["accept", "accept-encoding", "accept-language", "user-agent"]);

/** @throws OperationalError UNAVAILABLE when the file of a secret cannot be read */
export async function firstHeaders(
  url: URL,
  module: HttpModule,
  readFile: ProbeRun["readFile"],
): Promise<HeaderFields> {
  const authorization = await authorizationOf(url, module, readFile);
  const { compression, body } = module;
  const headers: Record<string, string> = {};
  const setUnlessNamed = (name: string, value: string) => {
    if (!hasHeader(module.headers, name)) headers[name] = value;
  };
  setUnlessNamed("User-Agent", `Telltale/${VERSION}`);
  if (compression !== null) setUnlessNamed("Accept-Encoding", compression);
  if (body !== "") headers["Content-Length"] = String(Buffer.byteLength(body));
  for (const [name, value] of Object.entries(module.headers)) {
    if (!/^host$/i.test(name)) headers[name] = Buffer.from(value).toString("latin1");
  }
  if (authorization !== null) headers["Authorization"] = authorization;
  return headers;
}

/** Of a request that a redirect makes. @param isTrusted whether it goes to the target's own host */
export function nextHeaders(headers: HeaderFields, isTrusted: boolean): HeaderFields {
  const kept = Object.entries(headers).filter(([name]) => {
    const lower = name.toLowerCase();
    if (lower === "content-length" || lower === "cookie") return false;
    return isTrusted || HARMLESS.has(lower);
  });
  return Object.fromEntries(kept);
}

function hasHeader(headers: HeaderFields, name: string): boolean {
  return Object.keys(headers).some((own) => own.toLowerCase() === name.toLowerCase());
}

/** The header Host that the module sets, which stands for the URL's. */
export function namedHost({ headers }: HttpModule): string | null {
  const found = Object.entries(headers).find(([name]) => /^host$/i.test(name));
  return found?.[1] ?? null;
}

async function authorizationOf(
  url: URL,
  { basicAuth: basic, authorization: given }: HttpModule,
  readFile: ProbeRun["readFile"],
): Promise<string | null> {
  const secret = async (text: string, path: string | null) =>
    path === null ? text : (await readFile(path)).trim();
  if (basic !== null) {
    const password = await secret(basic.password, basic.passwordFile);
    return `Basic ${Buffer.from(`${basic.username}:${password}`).toString("base64")}`;
  }
  if (given === null) return basicOf(url);
  return `${given.type} ${await secret(given.credentials, given.credentialsFile)}`;
}
