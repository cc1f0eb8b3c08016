import type { Role } from "../../shared/model/role.ts";

/** What a TLS server proves itself with, and whose certificates it believes; PEM. */
export type ServerTls = {
  readonly key: string;
  /** The certificate, and after it that of the CA that signed it. */
  readonly cert: string;
  readonly ca: readonly string[];
};

export type Person = { readonly name: string; readonly role: Role };

/** How a certificate that our CA signed stands. `reason` is the label of a metric. */
export type Standing =
  | { readonly kind: "good"; readonly node: string }
  | { readonly kind: "refused"; readonly reason: string; readonly text: string };
