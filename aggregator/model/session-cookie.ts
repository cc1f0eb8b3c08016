/** Seconds until a token has to be shown again. */
export const SESSION_LIFE_S = 7 * 86_400;

/**
 * Whoever signed in on the page has the secret of the session in this cookie; only HTTPS has it sent.
 * @param prefix of the aggregator's paths: others on the same host do not get the cookie
 */
export function sessionCookie(secret: string, prefix: string): string {
  return `${nameUnder(prefix)}=${secret}; Max-Age=${SESSION_LIFE_S}; ${attributesUnder(prefix)}`;
}

/** The cookie in which nobody is signed in. */
export function noSession(prefix: string): string {
  return `${nameUnder(prefix)}=; Max-Age=0; ${attributesUnder(prefix)}`;
}

/** The secret in a `Cookie` header; null: none that could be one. */
export function secretOfCookie(header: string | undefined, prefix: string): string | null {
  const wanted = nameUnder(prefix);
  for (const part of (header ?? "").split(";")) {
    const [name, value = ""] = part.trim().split("=", 2);
    if (name === wanted) return /^[\w-]{1,100}$/.test(value) ? value : null;
  }
  return null;
}

/** Browsers let no other host, and nobody without TLS, set the first; its path is always `/`. */
function nameUnder(prefix: string): string {
  return prefix === "" ? "__Host-telltale" : "__Secure-telltale";
}

function attributesUnder(prefix: string): string {
  return `Path=${prefix === "" ? "/" : prefix}; Secure; HttpOnly; SameSite=Strict`;
}
