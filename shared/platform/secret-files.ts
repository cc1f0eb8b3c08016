import { errorMessage, OperationalError, systemCode } from "../errors.ts";

type Files = {
  /** Another text when the file is another, or has changed; null: it is not there. */
  mark(path: string): Promise<string | null>;
  /** @throws OperationalError or a system error when it cannot be read as a whole */
  read(path: string, bytesMax: number): Promise<string>;
};

/** Room for all authorities of a system in one file. */
const FILE_BYTES_MAX = 1024 ** 2;
const FILES_MAX = 1024;

/** The same object as long as the file is the same. */
export type SecretFile = { readonly mark: string; readonly text: string };

/** Files of secrets and certificates, which are looked at for each use and read when they changed. */
export class SecretFiles {
  readonly #files: Files;
  readonly #kept = new Map<string, SecretFile>();

  constructor(files: Files) {
    this.#files = files;
  }

  /** @throws OperationalError UNAVAILABLE when it cannot be read; its text is never in the message */
  async read(path: string): Promise<SecretFile> {
    try {
      // Before it is read: what changes in between is seen the next time.
      const mark = await this.#files.mark(path);
      const kept = this.#kept.get(path);
      if (kept !== undefined && kept.mark === mark) return kept;
      this.#kept.delete(path);
      const file = { mark: mark ?? "", text: await this.#files.read(path, FILE_BYTES_MAX) };
      if (mark !== null) this.#keep(path, file);
      return file;
    } catch (cause) {
      throw new OperationalError("UNAVAILABLE", messageOf(cause, path), { cause });
    }
  }

  /** One of the two that stands for a secret; null: there is none. */
  async secret(text: string | null, path: string | null): Promise<string | null> {
    return path === null ? text : (await this.read(path)).text.trim();
  }

  #keep(path: string, file: SecretFile): void {
    this.#kept.set(path, file);
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size > FILES_MAX) this.#kept.delete(oldest);
  }
}

function messageOf(error: unknown, path: string): string {
  return error instanceof OperationalError
    ? errorMessage(error)
    : `${path} cannot be read: ${systemCode(error) ?? errorMessage(error)}`;
}
