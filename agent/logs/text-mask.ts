import type { Metrics } from "../../shared/telemetry/metrics.ts";
import { compilePatterns } from "./compile-patterns.ts";
import { Masker } from "./shape/masker.ts";
import type { ShapeCounts } from "./shape/shape-counts.ts";
import { newTextLine } from "./shape/text-line.ts";
import { ShapeReport } from "./shape-report.ts";

type MaskOptions = {
  readonly mask: boolean;
  readonly mask_rules: readonly { readonly name: string; readonly pattern: string }[];
};

/** The text with its secrets masked. @param isCut whether more followed that was left out */
type MaskText = (text: Uint8Array, isCut: boolean) => Uint8Array;

/** Null: nothing is masked. */
export async function createMasker(
  { mask, mask_rules }: MaskOptions,
  counts: ShapeCounts,
): Promise<Masker | null> {
  if (!mask) return null;
  const compiled = await compilePatterns(mask_rules.map(({ pattern }) => pattern));
  const rules = mask_rules.flatMap(({ name, pattern }) => {
    const expression = compiled.get(pattern);
    return expression === undefined ? [] : [{ name, pattern: expression }];
  });
  return new Masker(rules, counts);
}

/** Masks texts that come one by one as lines of files are masked, and counts it with theirs. */
export async function textMask(options: MaskOptions, metrics: Metrics): Promise<MaskText> {
  const report = new ShapeReport(metrics);
  const masker = await createMasker(options, report.counts);
  if (masker === null) return (text) => text;
  return (text, isCut) => {
    masker.begin(text, 0, text.length);
    if (!masker.mayMask(text.length)) return text;
    const line = { ...newTextLine(), bytes: text, end: text.length, isCut };
    masker.mask(line);
    if (line.bytes !== text) report.show();
    return line.bytes.subarray(line.start, line.end);
  };
}
