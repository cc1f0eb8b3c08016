/** Functions that Prometheus' and Alertmanager's templates have alike. */

import type { RE2JS } from "re2js";
import { compilePattern, expandReplacement } from "../matching/pattern.ts";
import { fixed, numberArg, type TemplateFunction, textArg } from "./functions.ts";
import { humanizeDuration } from "./humanize.ts";

export const TEXT_FUNCTIONS: readonly (readonly [string, TemplateFunction])[] = [
  ["title", fixed(1, (text) => titleCase(textArg(text)))],
  ["toUpper", fixed(1, (text) => textArg(text).toUpperCase())],
  ["toLower", fixed(1, (text) => textArg(text).toLowerCase())],
  ["match", fixed(2, (pattern, text) => compile(textArg(pattern)).matcher(textArg(text)).find())],
  ["humanizeDuration", fixed(1, (value) => humanizeDuration(numberArg(value)))],
];

/** `reReplaceAll`. @param outputMax characters at which it stops, for its caller refuses them */
export function replaceFunction(outputMax: number): TemplateFunction {
  return fixed(3, (pattern, replacement, text) =>
    replaceAll(compile(textArg(pattern)), textArg(replacement), textArg(text), outputMax),
  );
}

function titleCase(text: string): string {
  return text.replace(/(^|[^\p{L}\p{N}_'])(\p{L})/gu, (_, before, letter) => {
    return before + letter.toUpperCase();
  });
}

/** Unlike in a matcher, `.` matches no newline, as in Go. */
function compile(pattern: string): RE2JS {
  return compilePattern(pattern, 0);
}

/** As Go's ReplaceAllString. */
function replaceAll(pattern: RE2JS, to: string, text: string, outputMax: number): string {
  const matcher = pattern.matcher(text);
  let result = "";
  let from = 0;
  while (matcher.find()) {
    result += text.slice(from, matcher.start()) + expandReplacement(to, matcher);
    from = matcher.end();
    if (result.length > outputMax) break;
  }
  return result + text.slice(from);
}
