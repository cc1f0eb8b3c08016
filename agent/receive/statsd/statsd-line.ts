/**
 * A line of StatsD, as etsy's server, DogStatsD, and clients with tags of Influx' or Librato's kind
 * write it:
 *
 *     name:value[:value…]|type[|@rate][|#tag:value,tag…][|Ttime][|c:container]
 *     name,tag=value:value|type         name#tag=value:value|type
 *
 * What a line says besides its values is its *form*. Clients repeat a few forms without end, so a
 * caller keeps them by their text. Source of DogStatsD's fields: docs.datadoghq.com, "DogStatsD
 * datagram format", versions 1.0 to 1.4.
 */

import { isLabelText, type Labels, labelsFrom } from "../../../shared/model/labels.ts";

/** What becomes of the values: a timer is a histogram whose values are milliseconds. */
export type Kind = "counter" | "gauge" | "timer" | "histogram" | "set";

export type Form = {
  readonly kind: Kind;
  /** Of the metric, as Prometheus allows it. */
  readonly name: string;
  /** The tags, without the name. */
  readonly labels: Labels;
  /** For how many each value stands: 1 / sample rate. */
  readonly weight: number;
};

/** Why a line is not taken. */
export type LineFault =
  | "form" // it is no line of StatsD
  | "name"
  | "type" // of none that is known
  | "section" // a part after the type that is not known
  | "sample_rate"
  | "value" // not a finite number
  | "negative_counter"
  | "tags" // one without a name, two styles in one line, or a label that is ours
  | "encoding" // not UTF-8
  | "too_long"
  | "type_conflict" // the name is taken by a metric of another type
  | "set_members"; // the sets have all they may have

/** Of the text of a form, as bytes: DogStatsD's largest datagram. */
export const FORM_BYTES_MAX = 8192;

/** A smaller one is no rate of anything. */
const RATE_MIN = 1e-6;
const KINDS: ReadonlyMap<string, Kind> = new Map([
  ["c", "counter"],
  ["g", "gauge"],
  ["ms", "timer"],
  ["h", "histogram"],
  ["d", "histogram"],
  ["s", "set"],
]);
/** A time, a container, other names of the sender, a wish: nothing that changes the sample. */
const IGNORED = /^(T\d+$|c:|e:|card:)/;
/** The name of a series, and the bound of a histogram's bucket. */
const RESERVED: ReadonlySet<string> = new Set(["__name__", "le"]);
/** What a tag without a value says. */
const IS_THERE = "true";

/**
 * @param subject what stands before the first colon: the name, and tags in some styles
 * @param rest what follows the values' bar
 */
export function parseForm(subject: string, rest: string): Form | LineFault {
  const [type = "", ...sections] = rest.split("|");
  const kind = KINDS.get(type);
  if (kind === undefined) return "type";
  const tagsAt = subject.search(/[,#]/);
  const named = tagsAt < 0 ? subject : subject.slice(0, tagsAt);
  const name = escapedName(named);
  if (name === "") return "name";
  const tags: [string, string][] = [];
  if (tagsAt >= 0 && !addTags(tags, subject.slice(tagsAt + 1), "=")) return "tags";
  let weight = 1;
  for (const section of sections) {
    if (section.startsWith("@")) {
      const rate = parseValue(section.slice(1));
      if (!(rate >= RATE_MIN && rate <= 1)) return "sample_rate";
      weight = 1 / rate;
    } else if (section.startsWith("#")) {
      if (tagsAt >= 0 || !addTags(tags, section.slice(1), ":")) return "tags";
    } else if (!IGNORED.test(section)) return "section";
  }
  return { kind, name, labels: labelsFrom(tags), weight };
}

/**
 * Letters, digits and underscores of ASCII stay; another character becomes an underscore, a hyphen that
 * follows one nothing; before a digit at the start comes an underscore: as statsd_exporter names metrics.
 */
function escapedName(text: string): string {
  const escaped = text.replace(/-{2,}/g, "-").replace(/[^a-zA-Z0-9_]/gu, "_");
  return /^\d/.test(escaped) ? `_${escaped}` : escaped;
}

/** A finite decimal number, or NaN. */
export function parseValue(text: string): number {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    const isDigit = code >= 0x30 && code <= 0x39;
    // + - . E e: of these and digits `Number` takes decimal numbers alone.
    if (isDigit || code === 0x2b || code === 0x2d || code === 0x2e) continue;
    if (code !== 0x45 && code !== 0x65) return Number.NaN;
  }
  const value = text === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : Number.NaN;
}

/** False: there is one that cannot be a label. */
function addTags(tags: [string, string][], list: string, separator: "=" | ":"): boolean {
  for (const tag of list.split(",")) {
    if (tag === "") continue; // a comma too many
    const at = tag.indexOf(separator);
    const name = escapedName(at < 0 ? tag : tag.slice(0, at));
    const value = at < 0 ? IS_THERE : tag.slice(at + 1) || IS_THERE;
    if (name === "" || RESERVED.has(name) || !isLabelText(value)) return false;
    tags.push([name, value]);
  }
  return true;
}
