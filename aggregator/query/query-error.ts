import { OperationalError } from "../../shared/errors.ts";

/** An expression that cannot be parsed or evaluated; `place` is "line:column" in its text. */
export function queryError(place: string, message: string): OperationalError {
  return new OperationalError("QUERY", `PromQL ${place}: ${message}`);
}
