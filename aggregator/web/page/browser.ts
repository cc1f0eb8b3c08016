/** The browser as the rest of the page needs it: only here are time, network and storage touched. */

/** What stands before every path of this aggregator: "" or such as `/telltale`. Its document says it. */
export const PREFIX =
  globalThis.document?.querySelector<HTMLMetaElement>('meta[name="telltale-prefix"]')?.content ??
  "";

export function nowMs(): number {
  return Date.now();
}

/** For how long something took. */
export function monotonicMs(): number {
  return performance.now();
}

/** Calls every `ms` until the result is called. */
export function every(ms: number, work: () => void): () => void {
  const timer = setInterval(work, ms);
  return () => clearInterval(timer);
}

/** Resolves after `ms`, or as soon as the signal is aborted. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** What the server says, or why it says nothing; `status` 0: it was not reached. */
export class RequestError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** @throws RequestError; the signal's reason */
export async function getJson<T>(path: string, signal: AbortSignal): Promise<T> {
  return (await (await request(path, { signal, cache: "no-store" })).json()) as T;
}

/** The answer as it came. @throws RequestError; the signal's reason */
export async function getText(path: string, signal: AbortSignal): Promise<string> {
  return await (await request(path, { signal, cache: "no-store" })).text();
}

/** @throws RequestError */
export async function sendJson<T>(method: string, path: string, body?: unknown): Promise<T | null> {
  const headers: HeadersInit = body === undefined ? {} : { "content-type": "application/json" };
  const response = await request(path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return text === "" ? null : (JSON.parse(text) as T);
}

/** @param path without the prefix */
async function request(path: string, options: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`${PREFIX}${path}`, options);
  } catch (error) {
    if (options.signal?.aborted) throw options.signal.reason;
    throw new RequestError(0, String(error));
  }
  if (response.ok) return response;
  throw new RequestError(response.status, await problemOf(response));
}

/** The APIs write it as a text, as `error` or as `message` of an object. */
async function problemOf(response: Response): Promise<string> {
  const text = (await response.text()).slice(0, 500);
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "string") return body;
    const { error, message } = body as { error?: unknown; message?: unknown };
    return String(error ?? message ?? text);
  } catch {
    return text === "" ? `HTTP ${response.status}` : text;
  }
}

export type StreamEvent = { readonly name: "change" | "anew"; readonly text: string };

/** Server-sent events until the signal is aborted, the server ends them or is lost. */
export function readStream(
  path: string,
  onEvent: (event: StreamEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    const source = new EventSource(`${PREFIX}${path}`);
    const end = () => {
      source.close();
      resolve();
    };
    source.onerror = end; // we come again by ourselves
    source.onmessage = ({ data }) => onEvent({ name: "change", text: String(data) });
    source.addEventListener("anew", () => onEvent({ name: "anew", text: "" }));
    signal.addEventListener("abort", end);
  });
}

/** What one person has chosen; kept where the browser lets us. */
export const kept = {
  read(name: string): string | null {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  },
  write(name: string, value: string): void {
    try {
      localStorage.setItem(name, value);
    } catch {
      // then it is chosen for as long as the page is open
    }
  },
};

/** As the APIs have times. */
export function rfc3339(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

export function timeOf(rfc3339Text: string): number {
  return Date.parse(rfc3339Text);
}

/** The next full hour `hour` of a day that comes after today; `weekday` null: tomorrow; 1: Monday. */
export function nextMorning(fromMs: number, hour: number, weekday: number | null): number {
  const day = new Date(fromMs);
  day.setHours(hour, 0, 0, 0);
  do day.setDate(day.getDate() + 1);
  while (weekday !== null && day.getDay() !== weekday);
  return day.getTime();
}

/** What an input of type datetime-local holds, in the time of this device. */
export function localInput(timeMs: number): string {
  const offsetMs = new Date(timeMs).getTimezoneOffset() * 60_000;
  return new Date(timeMs - offsetMs).toISOString().slice(0, 16);
}

/** NaN where it holds no time. */
export function fromLocalInput(text: string): number {
  return new Date(text).getTime();
}

/** Texts of a WebSocket until the signal is aborted or it is closed; resolves with the reason for that. */
export function readSocket(
  path: string,
  onText: (text: string) => void,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${PREFIX}${path}`);
    socket.onmessage = ({ data }) => onText(String(data));
    socket.onclose = ({ reason }) => resolve(reason);
    signal.addEventListener("abort", () => {
      socket.close();
      resolve("");
    });
  });
}

/** Gives a text to the person as a file. */
export function saveFile(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
