import type { RE2JS } from "re2js";

/** The patterns by their texts. The engine is loaded only where somebody has one. */
export async function compilePatterns(
  texts: readonly string[],
): Promise<ReadonlyMap<string, RE2JS>> {
  if (texts.length === 0) return new Map();
  const { RE2JS } = await import("re2js");
  return new Map(texts.map((text) => [text, RE2JS.compile(text)]));
}
