import { OperationalError } from "../../../shared/errors.ts";
import type { SecretFiles } from "../../../shared/platform/secret-files.ts";
import { VERSION } from "../../../shared/version.ts";
import type { ScrapeHttp } from "../config/scrape-config.ts";
import type { GetRequest } from "./get-request.ts";

export type Headers = Readonly<Record<string, string>>;

/** @param isTrusted whether the target may be told what the configuration has for it */
export async function requestHeaders(
  target: URL,
  { http, headers, acceptsGzip }: GetRequest,
  files: SecretFiles,
  isTrusted: boolean,
): Promise<Headers> {
  const ofUrl = basicOf(target);
  return {
    ...(ofUrl === null ? {} : { authorization: ofUrl }),
    ...(isTrusted ? await configuredHeaders(http, files) : {}),
    host: target.host,
    "user-agent": `telltale/${VERSION}`,
    "accept-encoding": acceptsGzip ? "gzip" : "identity",
    ...headers,
  };
}

async function configuredHeaders(http: ScrapeHttp, files: SecretFiles): Promise<Headers> {
  const authorization = await authorizationOf(http, files);
  const headers: Record<string, string> = {};
  for (const [name, source] of Object.entries(http.headers)) {
    const values = [...source.values];
    for (const path of source.files) values.push(headerText((await files.read(path)).text, path));
    headers[name] = values.join(", ");
  }
  return authorization === null ? headers : { ...headers, authorization };
}

async function authorizationOf(http: ScrapeHttp, files: SecretFiles): Promise<string | null> {
  const { basicAuth: basic, authorization: given } = http;
  if (basic !== null) {
    const username = await files.secret(basic.username, basic.usernameFile);
    const password = await files.secret(basic.password, basic.passwordFile);
    return basicHeader(username ?? "", password ?? "");
  }
  if (given === null) return null;
  const { type, credentials, credentialsFile: path } = given;
  const secret = await files.secret(credentials, path);
  if (secret === null) return null;
  return `${type} ${headerText(secret, path ?? "authorization.credentials")}`;
}

/** As UTF-8, of which a header holds each byte. @throws OperationalError UNAVAILABLE */
function headerText(text: string, source: string): string {
  const bytes = Buffer.from(text.trim()).toString("latin1");
  if (/^[\t\x20-\x7e\x80-\xff]*$/.test(bytes)) return bytes;
  throw new OperationalError("UNAVAILABLE", `${source}: a header cannot hold this text`);
}

/** What a URL says before its host; null: nothing. */
export function basicOf({ username, password }: URL): string | null {
  if (username === "" && password === "") return null;
  try {
    return basicHeader(decodeURIComponent(username), decodeURIComponent(password));
  } catch (cause) {
    throw new OperationalError("UNAVAILABLE", "The URL's user is not well encoded", { cause });
  }
}

function basicHeader(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
