/** Whoever signed in with a token on the page has it in this cookie; only HTTPS has it sent. */
const NAME = "__Host-telltale";
const ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Strict";
/** Seconds until the token has to be shown again. */
const LIFE_S = 7 * 86_400;

export function sessionCookie(token: string): string {
  return `${NAME}=${token}; Max-Age=${LIFE_S}; ${ATTRIBUTES}`;
}

/** The cookie in which nobody is signed in. */
export const NO_SESSION = `${NAME}=; Max-Age=0; ${ATTRIBUTES}`;

/** The token in a `Cookie` header; null: none that could be one. */
export function tokenOfCookie(header: string | undefined): string | null {
  for (const part of (header ?? "").split(";")) {
    const [name, value = ""] = part.trim().split("=", 2);
    if (name === NAME) return /^[\x21\x23-\x3a\x3c-\x7e]{1,512}$/.test(value) ? value : null;
  }
  return null;
}
