type Cookie = {
  readonly name: string;
  readonly value: string;
  readonly domain: string;
  /** Whether hosts below the domain have it, too. */
  readonly isForBelow: boolean;
  readonly path: string;
  readonly isSecure: boolean;
};

const COOKIES_MAX = 50;
const COOKIE_LENGTH_MAX = 4096;

/**
 * The cookies of one probe, from its redirects: some servers send one around until it has one. A
 * cookie for a domain is taken only of a host that is within it.
 */
export class CookieJar {
  readonly #cookies: Cookie[] = [];

  take(from: URL, lines: readonly string[]): void {
    for (const line of lines) {
      const cookie = line.length > COOKIE_LENGTH_MAX ? null : parsed(from, line);
      if (cookie === null) continue;
      const { name, domain, path } = cookie;
      const known = this.#cookies.findIndex((one) => {
        return one.name === name && one.domain === domain && one.path === path;
      });
      if (known >= 0) this.#cookies.splice(known, 1);
      if (this.#cookies.length < COOKIES_MAX) this.#cookies.push(cookie);
    }
  }

  /** What a request to the URL says; "" where there is nothing. */
  headerFor(url: URL): string {
    return this.#cookies
      .filter((cookie) => isFor(cookie, url))
      .map(({ name, value }) => `${name}=${value}`)
      .join("; ");
  }
}

function parsed(from: URL, line: string): Cookie | null {
  const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
  const [, name, value = ""] = /^([\w!#$%&'*+.^`|~-]+)=([\x21-\x3a\x3c-\x7e]*)$/.exec(pair) ?? [];
  if (name === undefined) return null;
  const byName = new Map(
    attributes.map((one) => {
      const [key = "", ...rest] = one.split("=");
      return [key.toLowerCase(), rest.join("=")];
    }),
  );
  const asked = (byName.get("domain") ?? "").replace(/^\./, "").toLowerCase();
  const isForBelow = asked.includes(".") && isWithin(from.hostname, asked);
  if (asked !== "" && asked !== from.hostname && !isForBelow) return null;
  const given = byName.get("path") ?? "";
  const path = given.startsWith("/") ? given : from.pathname.replace(/\/[^/]*$/, "") || "/";
  const domain = isForBelow ? asked : from.hostname;
  return { name, value, domain, isForBelow, path, isSecure: byName.has("secure") };
}

function isFor({ domain, isForBelow, path, isSecure }: Cookie, url: URL): boolean {
  const { hostname, pathname, protocol } = url;
  if (isSecure && protocol !== "https:") return false;
  if (hostname !== domain && !(isForBelow && isWithin(hostname, domain))) return false;
  return pathname === path || pathname.startsWith(path.endsWith("/") ? path : `${path}/`);
}

function isWithin(hostname: string, domain: string): boolean {
  return hostname === domain || hostname.endsWith(`.${domain}`);
}
