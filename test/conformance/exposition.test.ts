import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ExpositionReader } from "../../agent/exposition/exposition-reader.ts";
import { OperationalError } from "../../shared/errors.ts";

const SHARED = process.env["TELLTALE_SHARED"] ?? join(import.meta.dirname, "../../../shared");
const DIRECTORY = join(SHARED, "conformance/openmetrics");
const LIMITS = { samplesMax: 1000, labelsMax: 50, nameBytesMax: 500, valueBytesMax: 5000 };

/** Good OpenMetrics that the text format 0.0.4 has no words for. */
const NOT_TEXT = /exemplars|^label_escaping\.|^no_newline_after_eof\./;
/**
 * Bad OpenMetrics that is bad in the text format too: a line that cannot be read. The rest is about
 * `# EOF`, families, names and orders, of which lines know nothing, or about numbers in Go's forms.
 */
const BAD_TEXT =
  /^bad_(?:exemplar|metric_names|missing_(?:equal|or_extra|or_wrong|value)|timestamp|text_after_eof|grouping_or_ordering_[15]\.|invalid_labels_(?!6)|value_(?!2|3))/;

/** What is wrong with it; null: nothing. */
function refusal(path: string): string | null {
  const reader = new ExpositionReader(LIMITS);
  reader.start(readFileSync(join(DIRECTORY, path)), "file");
  try {
    for (let kind = reader.next(); kind !== "end"; kind = reader.next()) {
      if (kind === "sample") reader.labels();
      else reader.text();
    }
    return null;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return error.message;
  }
}

describe.skipIf(!existsSync(DIRECTORY))(
  "OpenMetrics' cases, read as files of the text format (skipped without ../shared/conformance/openmetrics)",
  () => {
    test("of the good ones only those are refused that have no words in it", () => {
      const files = readdirSync(join(DIRECTORY, "good"));
      expect(files.length).toBeGreaterThan(20);
      const refused = files.filter((name) => refusal(`good/${name}`) !== null);
      expect(refused).toEqual(files.filter((name) => NOT_TEXT.test(name)));
    });

    test("of the bad ones every line that cannot be read is refused, and nothing else", () => {
      const files = readdirSync(join(DIRECTORY, "bad"));
      expect(files.length).toBeGreaterThan(80);
      const refused = files.filter((name) => refusal(`bad/${name}`) !== null);
      expect(refused).toEqual(files.filter((name) => BAD_TEXT.test(name)));
    });
  },
);
