import { createSecureContext, type SecureContext } from "node:tls";
import type { SecretFile } from "../../../shared/platform/secret-files.ts";
import type { SystemAuthorities } from "../../../shared/platform/system-authorities.ts";
import type { TlsSettings } from "../config/probe-config.ts";

type Kept = {
  readonly context: SecureContext;
  readonly files: readonly (SecretFile | null)[];
};

const CONTEXTS_MAX = 64;

/**
 * What connections are secured with, kept as long as its files are the same: to read the system's
 * authorities takes a tenth of a second.
 */
export class SecureContexts {
  readonly #authorities: SystemAuthorities;
  /** By settings, in the order of their last use. */
  readonly #kept = new Map<string, Kept>();

  constructor(authorities: SystemAuthorities) {
    this.#authorities = authorities;
  }

  /** @throws OperationalError UNAVAILABLE for files; errors of TLS for what they hold */
  async of({ serverName: _, ...settings }: TlsSettings): Promise<SecureContext> {
    const { files: reader } = this.#authorities;
    const read = (path: string | null) => (path === null ? null : reader.read(path));
    const isSystems = settings.caFile === null && !settings.skipsVerification;
    const files = await Promise.all([
      isSystems ? this.#authorities.read() : read(settings.caFile),
      read(settings.certFile),
      read(settings.keyFile),
    ]);
    const key = JSON.stringify(settings);
    const kept = this.#kept.get(key);
    const isCurrent = kept?.files.every((file, i) => file === files[i]) ?? false;
    const context = kept !== undefined && isCurrent ? kept.context : newContext(settings, files);
    this.#kept.delete(key);
    this.#kept.set(key, { context, files });
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size > CONTEXTS_MAX) this.#kept.delete(oldest);
    return context;
  }
}

function newContext(
  { minVersion, maxVersion }: Pick<TlsSettings, "minVersion" | "maxVersion">,
  [ca, cert, key]: readonly (SecretFile | null)[],
): SecureContext {
  // OpenSSL has these switched off otherwise.
  const isOld = minVersion === "TLSv1" || minVersion === "TLSv1.1";
  return createSecureContext({
    ...(ca ? { ca: ca.text } : {}),
    ...(cert ? { cert: cert.text } : {}),
    ...(key ? { key: key.text } : {}),
    ...(minVersion === null ? {} : { minVersion }),
    ...(maxVersion === null ? {} : { maxVersion }),
    ...(isOld ? { ciphers: "DEFAULT@SECLEVEL=0" } : {}),
  });
}
