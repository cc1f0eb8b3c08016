import type { IncomingHttpHeaders } from "node:http";

const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
/** A page of another site cannot send it without asking us first, and we allow nobody. */
export const PAGE_HEADER = "x-telltale-page";

/**
 * Why a request that changes something may be another site's, sent by the browser of one of our
 * users; null: it is not. What is no browser says neither of these headers, and has no cookie.
 */
export function forgeryOf(method: string, headers: IncomingHttpHeaders): string | null {
  if (SAFE_METHODS.has(method)) return null;
  const { origin, host, cookie } = headers;
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin") return `The request comes from another site`;
  if (origin !== undefined && hostOf(origin) !== host?.toLowerCase()) {
    return "The request comes from another origin";
  }
  const isOfBrowser = site !== undefined || origin !== undefined || cookie !== undefined;
  if (!isOfBrowser || headers[PAGE_HEADER] !== undefined) return null;
  return `The request of a browser needs the header ${PAGE_HEADER}`;
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
