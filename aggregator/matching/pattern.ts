import { RE2JS } from "re2js";
import { errorMessage, OperationalError } from "../../shared/errors.ts";

/**
 * A pattern that a user wrote. The engine's time is linear in the text: a pattern cannot stop the
 * process.
 * @param flags by default `.` matches a newline too, as in Prometheus' matchers
 * @throws OperationalError QUERY when it is not a regular expression
 */
export function compilePattern(text: string, flags = RE2JS.DOTALL): RE2JS {
  try {
    return RE2JS.compile(text, flags);
  } catch (cause) {
    const message = `Not a regular expression: "${text}" (${errorMessage(cause)})`;
    throw new OperationalError("QUERY", message, { cause });
  }
}

type GroupMatcher = ReturnType<RE2JS["matcher"]>;

/** `$1`, `$name`, `${1}`, `${name}` and `$$`, as Go's regexp expands a replacement. */
export function expandReplacement(template: string, matcher: GroupMatcher): string {
  return template.replace(
    /\$(?:\$|\{(\w+)\}|(\w+))/g,
    (whole, braced: string | undefined, bare: string | undefined) =>
      whole === "$$" ? "$" : groupText(matcher, braced ?? bare ?? ""),
  );
}

/** A group that the pattern does not have, or that took no part in the match, is empty. */
function groupText(matcher: GroupMatcher, group: string): string {
  if (/^\d+$/.test(group)) {
    const index = Number(group);
    return index > matcher.groupCount() ? "" : (matcher.group(index) ?? "");
  }
  return group in matcher.getNamedGroups() ? (matcher.group(group) ?? "") : "";
}
