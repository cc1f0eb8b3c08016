/** Of a request; of one that is given several times, whatever Node makes of it. */
type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Why a request that changes something is another site's, sent by the browser of one of our users;
 * null: it is not. A browser says where such a request comes from; a program says nothing of it. An older
 * browser says its origin alone, which a proxy that passes another host on makes a stranger's.
 */
export function forgeryOf({ origin, host, "sec-fetch-site": site }: Headers): string | null {
  if (site !== undefined) {
    return site === "same-origin" ? null : "The request comes from another site";
  }
  if (origin === undefined || hostOf(String(origin)) === String(host).toLowerCase()) return null;
  return "The request comes from another origin";
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
