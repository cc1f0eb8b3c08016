import { OperationalError } from "../../../shared/errors.ts";

/** Of a query that still reads a block after others took its place, and it was deleted. */
export function takesTooLong(): OperationalError {
  return new OperationalError("UNAVAILABLE", "Lines were packed while they were read: ask again");
}
