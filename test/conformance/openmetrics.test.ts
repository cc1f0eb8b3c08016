import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { PageMemory } from "../../agent/scrape/page/page-memory.ts";
import { OperationalError } from "../../shared/errors.ts";

const SHARED = process.env["TELLTALE_SHARED"] ?? join(import.meta.dirname, "../../../shared");
const DIRECTORY = join(SHARED, "conformance/openmetrics");
const DOCUMENT = join(import.meta.dirname, "../../docs/expositions.md");
const LIMITS = {
  ...{ pageBytesMax: 100_000, samplesMax: 1000, labelsMax: 50, nameBytesMax: 500 },
  ...{ valueBytesMax: 5000, seriesOfMetricMax: 1000 },
};

/**
 * Bad by the standard and taken, as Prometheus takes them: rules about what values, labels, names and
 * orders mean. docs/expositions.md lists them under the same names.
 */
const TAKEN = [
  "clashing_names",
  "counter_values",
  "exemplar_complex_chars",
  "exemplars_6",
  "exemplars_on_unallowed_metric_types",
  "exemplars_on_unallowed_samples",
  "grouping_or_ordering",
  "histograms",
  "info_and_stateset_values",
  "metadata_in_wrong_place",
  "missing_or_invalid_labels_for_a_type",
  "repeated_metadata",
  "stateset_info_values",
  "unit_7",
];
/** Of these kinds, those that cannot be read. */
const REFUSED = ["grouping_or_ordering_1", "histograms_4", "repeated_metadata_2"];

function isTaken(file: string): boolean {
  const name = file.replace(/^bad_|\.txt$/g, "");
  if (REFUSED.includes(name)) return false;
  return TAKEN.some((taken) => name === taken || name.replace(/_\d+$/, "") === taken);
}

/** What is wrong with it; null: nothing. */
function refusal(path: string): string | null {
  try {
    new PageMemory(LIMITS, 1).read(readFileSync(join(DIRECTORY, path)), "openmetrics");
    return null;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    expect(error.message).toMatch(/^Line \d+: /);
    return error.message;
  }
}

describe.skipIf(!existsSync(DIRECTORY))(
  "OpenMetrics' cases (skipped without ../shared/conformance/openmetrics)",
  () => {
    test("every good one is taken", () => {
      const files = readdirSync(join(DIRECTORY, "good"));
      expect(files.length).toBeGreaterThan(20);
      expect(files.map((name) => refusal(`good/${name}`)).filter((why) => why !== null)).toEqual(
        [],
      );
    });

    test("of the bad ones all are refused that are not taken knowingly", () => {
      const files = readdirSync(join(DIRECTORY, "bad"));
      expect(files.length).toBeGreaterThan(80);
      const taken = files.filter((name) => refusal(`bad/${name}`) === null);
      expect(taken).toEqual(files.filter(isTaken));
    });
  },
);

test("docs/expositions.md lists what is taken knowingly", () => {
  const text = readFileSync(DOCUMENT, "utf8");
  const listed = [...text.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  expect(listed).toEqual(TAKEN);
});
