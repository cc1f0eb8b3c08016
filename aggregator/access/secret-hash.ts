import { createHash } from "node:crypto";

/** What is stored of a secret: it is random and long, so that a slow hash would add nothing. Hex digits. */
export function secretHash(secret: string | Uint8Array): string {
  return createHash("sha256").update(secret).digest("hex");
}
