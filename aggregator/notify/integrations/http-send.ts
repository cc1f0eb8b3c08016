/** What kinds of receivers that are spoken to over HTTP share. */

import type { HttpAnswer, HttpClientOptions } from "../../../shared/platform/http-client.ts";
import type { Globals } from "../config/globals.ts";
import { readSecret } from "../config/read-secret.ts";
import type { Reading, SendAnswer, SendPorts } from "./integration.ts";

/**
 * The message itself is bad, and will be. Any other answer may change: a token is put right, a proxy
 * comes back, a route is found.
 */
const FINAL: ReadonlySet<number> = new Set([400, 413, 422]);
const ANSWER_SHOWN_MAX = 200;
/** Of an attempt, where the routing file says no other. */
export const SEND_TIMEOUT_MS = 10_000;

/** By the status alone, for receivers whose body says no more. */
export function answerOf({ status, text, retryAfterMs }: HttpAnswer): SendAnswer {
  const isTaken = status >= 200 && status < 300;
  if (isTaken) return { outcome: "delivered", text: String(status), retryAfterMs: null };
  const shown = shownAnswer(text);
  return {
    outcome: FINAL.has(status) ? "rejected" : "retry",
    text: shown === "" ? String(status) : `${status}: ${shown}`,
    retryAfterMs,
  };
}

/** How an answer begins, on one line. */
export function shownAnswer(text: string): string {
  return cutText(text.replace(/[\p{Cc}\s]+/gu, " ").trim(), ANSWER_SHOWN_MAX);
}

export type JsonRequest = {
  readonly method?: "GET" | "POST" | "PUT";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly client: HttpClientOptions;
};

export async function sendJson(
  ports: SendPorts,
  { method = "POST", url, headers = {}, client }: JsonRequest,
  body: unknown,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const all = { "content-type": "application/json", ...headers };
  return await ports.request(
    { method, url, headers: all, body: JSON.stringify(body), client },
    signal,
  );
}

/** The members of an answer that is a JSON object; of any other, none. */
export function answerRecord(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? { ...value } : {};
  } catch {
    return {};
  }
}

/** An entry's own secret, inline or in a file; where it has none, the global one. */
export function readOwnOrGlobal<Raw extends object>(
  reading: Reading,
  raw: Raw,
  name: keyof Raw & string,
  globalName: keyof Globals,
): string {
  const [own, ownFile] = pairOf(raw, name);
  if (own || ownFile !== undefined) return readSecret(reading, own, ownFile, name);
  const [inline, file] = pairOf(reading.globals, globalName);
  return readSecret(reading, inline, file, globalName);
}

function pairOf(raw: object, name: string): (string | undefined)[] {
  const all = new Map<string, unknown>(Object.entries(raw));
  return [name, `${name}_file`].map((key) => {
    const value = all.get(key);
    return typeof value === "string" ? value : undefined;
  });
}

/** The URL with a path, and its query, behind its own, whether that ends with a slash or not. */
export function joinUrl(base: string, path: string): string {
  const url = new URL(base);
  const [below = "", query] = path.split("?", 2);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/${below.replace(/^\/+/, "")}`;
  if (query !== undefined) url.search = query;
  return url.href;
}

/** At most so many characters (code points), the last an ellipsis where some are left out. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  const characters = [...text.slice(0, 2 * (max + 1))];
  if (characters.length <= max) return text;
  return `${characters.slice(0, max - 1).join("")}…`;
}

const ELLIPSIS = Buffer.from("…");

/** At most so many bytes of UTF-8, at whole characters, with an ellipsis where some are left out. */
export function cutBytes(text: string, max: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= max) return text;
  let end = max - ELLIPSIS.length;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${bytes.subarray(0, end).toString()}…`;
}
