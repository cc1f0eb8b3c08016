/** Requests to receivers. */

import type { HttpAnswer, HttpClientOptions } from "../../../shared/platform/http-client.ts";
import type { Reading, SendPorts } from "./integration.ts";

export type Target = {
  readonly method?: "POST" | "PUT";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly client: HttpClientOptions;
};

export const JSON_TYPE = "application/json";
export const FORM_TYPE = "application/x-www-form-urlencoded";

/** A POST, where the target says no other. */
export async function sendText(
  ports: SendPorts,
  { method = "POST", url, headers, client }: Target,
  { type, text }: { readonly type: string; readonly text: string },
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const all = { "content-type": type, ...headers };
  return await ports.request({ method, url, headers: all, body: text, client }, signal);
}

export async function sendJson(
  ports: SendPorts,
  target: Target,
  value: unknown,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  return await sendText(ports, target, { type: JSON_TYPE, text: JSON.stringify(value) }, signal);
}

export async function sendForm(
  ports: SendPorts,
  target: Target,
  fields: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const text = new URLSearchParams(fields).toString();
  return await sendText(ports, target, { type: FORM_TYPE, text }, signal);
}

export async function sendGet(
  ports: SendPorts,
  { url, client }: Pick<Target, "url" | "client">,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  return await ports.request({ method: "GET", url, headers: {}, body: "", client }, signal);
}

/** A way to log in of the kind's own, in place of what http_config says. */
export function withAuthorization(
  client: HttpClientOptions,
  authorization: string,
): HttpClientOptions {
  return { ...client, authorization, oauth2: null };
}

/** The same with a token, which is the entry's `name`. */
export function withBearer(
  client: HttpClientOptions,
  token: string,
  name: string,
  { report }: Pick<Reading, "report">,
): HttpClientOptions {
  if (!/^[\x21-\x7e]*$/.test(token)) report(`${name} must be ASCII without spaces`);
  return withAuthorization(client, `Bearer ${token}`);
}

/** The URL with a path, and its query, behind its own, whether that ends with a slash or not. */
export function joinUrl(base: string, path: string): string {
  const url = new URL(base);
  const [below = "", query] = path.split("?", 2);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/${below.replace(/^\/+/, "")}`;
  if (query !== undefined) url.search = query;
  return url.href;
}

/** The URL with these in its query, in place of those that it has. */
export function withQuery(base: string, fields: Readonly<Record<string, string>>): string {
  const url = new URL(base);
  for (const [name, value] of Object.entries(fields)) url.searchParams.set(name, value);
  return url.href;
}
