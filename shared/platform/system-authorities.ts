import { OperationalError } from "../errors.ts";
import type { SecretFile, SecretFiles } from "./secret-files.ts";

/** Where systems keep the authorities that they trust, as Prometheus looks for them. Source: Go, crypto/x509. */
const PLACES = [
  "/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Arch
  "/etc/pki/tls/certs/ca-bundle.crt", // Fedora
  "/etc/ssl/ca-bundle.pem", // openSUSE
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL
  "/etc/ssl/cert.pem", // Alpine
];

/** The authorities that the system trusts; looked for when they are first needed. */
export class SystemAuthorities {
  /** Where it reads, and others whose files belong to its own. */
  readonly files: SecretFiles;
  /** Undefined: not looked for; null: the system has none. */
  #place: string | null | undefined;

  /** @param place that is named in SSL_CERT_FILE; undefined: none is */
  constructor(files: SecretFiles, place: string | undefined) {
    this.files = files;
    this.#place = place || undefined;
  }

  /**
   * Null: the system has none, and those that Node comes with stand for them.
   * @throws OperationalError UNAVAILABLE when the file cannot be read any more, or SSL_CERT_FILE cannot
   */
  async read(): Promise<SecretFile | null> {
    if (this.#place === null) return null;
    if (this.#place !== undefined) return await this.files.read(this.#place);
    for (const place of PLACES) {
      try {
        const file = await this.files.read(place);
        this.#place = place;
        return file;
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error; // the next place
      }
    }
    this.#place = null;
    return null;
  }
}
