import { errorMessage, OperationalError } from "../errors.ts";
import { VERSION } from "../version.ts";

export type PostAnswer = {
  readonly status: number;
  /** How the answer begins. */
  readonly text: string;
  /** How long the receiver wants to be left alone; null: it does not say. */
  readonly retryAfterMs: number | null;
};

const ANSWER_BYTES_MAX = 4096;
const REDIRECTS_MAX = 5;
const HEADERS = { "content-type": "application/json", "user-agent": `telltale/${VERSION}` };

/**
 * One POST of JSON. A redirect is followed where it keeps method and body, 307 and 308; any other is an
 * answer like others.
 * @throws OperationalError UNAVAILABLE when there is no answer; the signal's reason when aborted
 */
export async function postJson(
  url: string,
  body: string,
  signal: AbortSignal,
): Promise<PostAnswer> {
  let target = url;
  try {
    for (let hops = 0; ; hops += 1) {
      const options = { method: "POST", headers: HEADERS, body, redirect: "manual" } as const;
      const response = await fetch(target, { ...options, signal });
      const next = hops < REDIRECTS_MAX ? redirectOf(response, target) : null;
      const text = await answerText(response);
      if (next === null) {
        const retryAfterMs = retryAfter(response.headers.get("retry-after"));
        return { status: response.status, text, retryAfterMs };
      }
      target = next;
    }
  } catch (error) {
    signal.throwIfAborted();
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    // Only the host: the rest of a webhook's address is often its secret.
    const { host } = new URL(target);
    throw new OperationalError("UNAVAILABLE", `${host}: ${errorMessage(cause)}`, { cause });
  }
}

function redirectOf({ status, headers }: Response, from: string): string | null {
  const location = headers.get("location");
  if ((status !== 307 && status !== 308) || location === null) return null;
  if (!URL.canParse(location, from)) return null;
  const { href, protocol } = new URL(location, from);
  // What was encrypted is not sent on in the clear.
  const isAllowed = protocol === "https:" || (protocol === "http:" && from.startsWith("http:"));
  return isAllowed ? href : null;
}

async function answerText(response: Response): Promise<string> {
  try {
    const reader = response.body?.getReader();
    const first = await reader?.read();
    await reader?.cancel();
    return Buffer.from(first?.value ?? [])
      .subarray(0, ANSWER_BYTES_MAX)
      .toString("utf8");
  } catch (error) {
    return errorMessage(error);
  }
}

const HTTP_DATE = /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/;

/** Seconds, or a date. */
function retryAfter(text: string | null): number | null {
  if (text === null) return null;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const atMs = HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - Date.now());
}
