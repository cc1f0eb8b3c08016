import { RE2JS } from "re2js";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { Groups } from "./relabel-template.ts";

/** A pattern that has to match the whole of a text. */
export type WholePattern = {
  matches(text: string): boolean;
  /** Null where it does not match. */
  match(text: string): Groups | null;
};

/**
 * As Prometheus 3 compiles a rule's `regex`: anchored at both ends, and `.` matches a newline too. The
 * engine's time is linear in the text.
 * @throws OperationalError CONFIG
 */
export function compileWhole(regex: string): WholePattern {
  const expression = compiled(regex);
  const names = expression.namedGroups();
  return {
    matches: (text) => expression.test(text),
    match: (text) => {
      const matcher = expression.matcher(text);
      if (!matcher.find()) return null;
      return {
        group: (which) => {
          const index = typeof which === "number" ? which : (names[which] ?? Number.NaN);
          return index <= matcher.groupCount() ? (matcher.group(index) ?? "") : "";
        },
      };
    },
  };
}

function compiled(regex: string): RE2JS {
  try {
    return RE2JS.compile(`^(?s:${regex})$`);
  } catch (cause) {
    const message = `Not a regular expression: ${errorMessage(cause)}`;
    throw new OperationalError("CONFIG", message, { cause });
  }
}
