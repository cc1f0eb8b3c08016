import type { Path } from "../../../shared/config/decode-yaml.ts";
import { errorMessage, OperationalError } from "../../../shared/errors.ts";

/** Where the faults of a part of the routing file go; `path` leads on from there. */
export type Report = (path: Path, message: string) => void;

export function within(report: Report, ...part: Path): Report {
  return (path, message) => report([...part, ...path], message);
}

/** What was expected to be thrown becomes a fault, so that the rest is checked too: null. */
export function attempt<T>(make: () => T, report: Report): T | null {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    report([], errorMessage(error));
    return null;
  }
}
