import type { IncomingHttpHeaders } from "node:http";

/**
 * Why a request that changes something is another site's, sent by the browser of one of our users;
 * null: it is not. A browser says where such a request comes from; a program says nothing of it.
 */
export function forgeryOf(headers: IncomingHttpHeaders): string | null {
  const { origin, host } = headers;
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin") return "The request comes from another site";
  if (origin === undefined || hostOf(origin) === host?.toLowerCase()) return null;
  return "The request comes from another origin";
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
