/** The words of LogQL that are offered as one types; docs/logql.md has all. */
export const STAGES = [
  ...["json", "logfmt", "pattern", "regexp", "unpack", "line_format", "label_format", "decolorize"],
  ...["drop", "keep", "unwrap"],
];
export const AGGREGATIONS = [
  ...["sum", "avg", "min", "max", "count", "stddev", "stdvar", "topk", "bottomk", "sort"],
  "sort_desc",
];
export const RANGE_FUNCTIONS = [
  ...["rate", "count_over_time", "bytes_rate", "bytes_over_time", "absent_over_time"],
  ...["sum_over_time", "avg_over_time", "max_over_time", "min_over_time", "quantile_over_time"],
  ...["first_over_time", "last_over_time", "stddev_over_time", "stdvar_over_time", "rate_counter"],
];
export const KEYWORDS = [
  ...["by", "without", "and", "or", "unless", "on", "ignoring", "group_left", "group_right"],
  ...["bool", "offset"],
];

/** What a cursor in LogQL stands in, from the text before it. */
export type LogqlPlace =
  | { readonly kind: "label"; readonly from: number }
  | { readonly kind: "value"; readonly name: string; readonly from: number }
  | { readonly kind: "stage"; readonly from: number }
  | { readonly kind: "word"; readonly from: number }
  | { readonly kind: "nothing" };

export function logqlPlace(before: string): LogqlPlace {
  const open = before.lastIndexOf("{");
  if (open !== -1 && isOpen(before.slice(open))) {
    const inside = before.slice(open + 1);
    const [value, name = "", letters = ""] =
      /([A-Za-z_]\w*)\s*(?:=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)$/.exec(inside) ?? [];
    if (value !== undefined) return { kind: "value", name, from: before.length - letters.length };
    const [label, word = ""] = /(?:^|,)\s*(\w*)$/.exec(inside) ?? [];
    if (label !== undefined) return { kind: "label", from: before.length - word.length };
    return { kind: "nothing" };
  }
  if (isQuoted(before)) return { kind: "nothing" };
  const [word = ""] = /\w*$/.exec(before) ?? [];
  const from = before.length - word.length;
  if (/\|\s*$/.test(before.slice(0, from))) return { kind: "stage", from };
  return word === "" ? { kind: "nothing" } : { kind: "word", from };
}

/** Whether a text that begins with a brace does not close it; what stands in quotes does not count. */
function isOpen(text: string): boolean {
  return !text
    .replace(/"(?:[^"\\]|\\.)*"/g, "")
    .replace(/"[^"]*$/, "")
    .includes("}");
}

function isQuoted(text: string): boolean {
  return text.replace(/"(?:[^"\\]|\\.)*"|`[^`]*`/g, "").match(/["`]/) !== null;
}
