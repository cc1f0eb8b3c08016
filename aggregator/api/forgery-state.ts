/** Of a request; of one that is given several times, whatever Node makes of it. */
type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Why a request that changes something is another site's, sent by the browser of one of our users;
 * null: it is not. A browser says where such a request comes from; a program says nothing of it. An older
 * browser, and one that opens a WebSocket, says its origin alone: it has to be the host that was asked,
 * or what a proxy says was asked. No page can have its visitors' browsers say that.
 */
export function forgeryOf(headers: Headers): string | null {
  const { origin, host, "sec-fetch-site": site, "x-forwarded-host": forwarded } = headers;
  if (site !== undefined) {
    return site === "same-origin" ? null : "The request comes from another site";
  }
  if (origin === undefined) return null;
  const from = hostOf(String(origin));
  if ([host, forwarded].some((asked) => from === String(asked).toLowerCase())) return null;
  return "The request comes from another origin";
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
