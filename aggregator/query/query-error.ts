import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { textPlace } from "../../shared/model/text-place.ts";

/** "PromQL line:column" of an index in the query's text. */
export function placeOf(text: string, index: number): string {
  return `PromQL ${textPlace(text, index)}`;
}

/** A query that cannot be parsed or evaluated; `place` is "PromQL line:column" in its text. */
export function queryError(place: string, message: string): OperationalError {
  return new OperationalError("QUERY", `${place}: ${message}`);
}

/** An OperationalError of `work` becomes one of the query at `place`. */
export function atPlace<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    throw queryError(place, errorMessage(error));
  }
}
