import { errorMessage, OperationalError, systemCode } from "../errors.ts";

/** Does what may fail in a directory. @throws OperationalError as `storageError` */
export function inDirectory<T>(directory: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw storageError(directory, error);
  }
}

/** What failed in a store's directory: IN_USE where another process holds it, else STORAGE. */
export function storageError(directory: string, error: unknown): OperationalError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (systemCode(cause) === "LEVEL_LOCKED") return inUse(directory, cause);
  return new OperationalError("STORAGE", `${directory}: ${errorMessage(cause)}`, { cause });
}

export function inUse(directory: string, cause: unknown): OperationalError {
  const hint = "stop it, or give this one a directory of its own";
  const message = `${directory} is in use by another process: ${hint}`;
  return new OperationalError("IN_USE", message, { cause });
}
