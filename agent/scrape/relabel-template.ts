/** A replacement text with `$1`, `$name`, `${1}` or `${name}` in it, taken apart once. */

/** What a match gives to a template: the text of a group, "" where it took no part. */
export type Groups = { group(which: string | number): string };

type Part = string | { readonly group: string | number };

export type Template = {
  /** The text itself where it refers to no group. */
  readonly constant: string | null;
  expand(groups: Groups): string;
};

/** A name is as long as letters, digits and underscores go on, unless braces end it. */
const REFERENCE = /\$(?:\$|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu;
const INDEX = /^(?:0|[1-9][0-9]{0,7})$/;

/**
 * Reads a template by the rules of Go's Regexp.Expand: `$1x` is the group named `1x`, `$$` is a dollar
 * sign, and a dollar sign that refers to nothing stays.
 */
export function readTemplate(text: string): Template {
  const parts: Part[] = [];
  let done = 0;
  for (const match of text.matchAll(REFERENCE)) {
    parts.push(text.slice(done, match.index));
    done = match.index + match[0].length;
    const name = match[1] ?? match[2];
    if (name === undefined) parts.push("$");
    else parts.push({ group: INDEX.test(name) ? Number(name) : name });
  }
  parts.push(text.slice(done));
  const isConstant = parts.every((part) => typeof part === "string");
  return {
    constant: isConstant ? parts.join("") : null,
    expand: (groups) => {
      let expanded = "";
      for (const part of parts) {
        expanded += typeof part === "string" ? part : groups.group(part.group);
      }
      return expanded;
    },
  };
}
