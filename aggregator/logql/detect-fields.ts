import { type Labels, NO_LABELS } from "../../shared/model/labels.ts";
import { jsonFields } from "./json-stages.ts";
import { LineLabels } from "./line-labels.ts";
import { logfmtFields } from "./logfmt-stage.ts";

/**
 * What `| json` finds in a line or else `| logfmt`; null: neither finds anything. Returns a function
 * that one caller uses for many lines.
 */
export function fieldDetector() {
  const labels = new LineLabels();
  const parsers = [
    { parser: "json", parse: jsonFields() },
    { parser: "logfmt", parse: logfmtFields({ fields: [], isStrict: true, keepsEmpty: false }) },
  ] as const;
  return (line: string): { parser: "json" | "logfmt"; fields: Labels } | null => {
    for (const { parser, parse } of parsers) {
      labels.start(NO_LABELS, NO_LABELS);
      parse(line, labels, 0);
      const fields = labels.labels();
      if (labels.error === "" && fields.length > 0) return { parser, fields };
    }
    return null;
  };
}
