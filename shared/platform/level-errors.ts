import { errorMessage, OperationalError, systemCode } from "../errors.ts";

/** What failed in a store's directory: IN_USE where another process holds it, else STORAGE. */
export function storageError(directory: string, error: unknown): OperationalError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (systemCode(cause) === "LEVEL_LOCKED") return inUse(directory, cause);
  return new OperationalError("STORAGE", `${directory}: ${errorMessage(cause)}`, { cause });
}

export function inUse(directory: string, cause: unknown): OperationalError {
  return new OperationalError(
    "IN_USE",
    `${directory} is in use by another process: stop it, or give this one a directory of its own`,
    { cause },
  );
}
