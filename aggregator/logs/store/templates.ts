/**
 * Lines of a block by template. A line's words are what stands between spaces. Lines with the same
 * number of words and the same words in the places that have few different ones share a template;
 * the other places are its variables. What a word is like inside is the columns' matter (column.ts).
 */

/** The last word of a longer line has the rest of it. */
const WORDS_MAX = 64;
/** A place with more different words than the limit in force is a variable. */
const WORD_LIMITS = [12, 4, 1] as const;
/** Templates of one number of words: at least these, and one more for so many lines. */
const TEMPLATES_MIN = 8;
const LINES_PER_TEMPLATE = 256;
/** Lines of a rarer template are kept whole. */
const TEMPLATE_LINES_MIN = 4;

type Template = {
  /** By place its word, or null for a variable. */
  readonly words: readonly (string | null)[];
  /** Its lines, ascending. */
  readonly rows: readonly number[];
  /** By variable its text on each of the rows. */
  readonly columns: readonly (readonly string[])[];
};

export type Templates = {
  readonly templates: readonly Template[];
  /** Lines that have no template, ascending. */
  readonly others: readonly number[];
};

export function findTemplates(lines: readonly string[]): Templates {
  const templates: Template[] = [];
  const others: number[] = [];
  for (const group of groupByLength(lines).values()) {
    for (const rows of rowsByTemplate(group)) {
      if (rows.length < TEMPLATE_LINES_MIN) {
        for (const at of rows) others.push(group.rows[at] ?? 0);
      } else {
        templates.push(templateOf(group, rows));
      }
    }
  }
  templates.sort((a, b) => b.rows.length - a.rows.length);
  others.sort((a, b) => a - b);
  return { templates, others };
}

function wordsOf(line: string): string[] {
  const words = line.split(" ");
  if (words.length <= WORDS_MAX) return words;
  return [...words.slice(0, WORDS_MAX - 1), words.slice(WORDS_MAX - 1).join(" ")];
}

type Group = { readonly rows: number[]; readonly places: string[][] };

function groupByLength(lines: readonly string[]): Map<number, Group> {
  const groups = new Map<number, Group>();
  for (let row = 0; row < lines.length; row += 1) {
    const words = wordsOf(lines[row] ?? "");
    let group = groups.get(words.length);
    if (group === undefined) {
      group = { rows: [], places: words.map(() => []) };
      groups.set(words.length, group);
    }
    group.rows.push(row);
    const { places } = group;
    for (let i = 0; i < words.length; i += 1) places[i]?.push(words[i] ?? "");
  }
  return groups;
}

/** Rows, as indices into the group's, that have the same words in the places of few words. */
function rowsByTemplate({ rows, places }: Group): number[][] {
  const counts = places.map(differentWords);
  const templatesMax = TEMPLATES_MIN + rows.length / LINES_PER_TEMPLATE;
  let found: Map<string, number[]> = new Map();
  for (const limit of WORD_LIMITS) {
    const fixed = places.filter((_, i) => (counts[i] ?? 0) > 1 && (counts[i] ?? 0) <= limit);
    found = new Map();
    for (let at = 0; at < rows.length; at += 1) {
      let key = "";
      for (const words of fixed) key += `${words[at] ?? ""} `;
      const same = found.get(key);
      if (same === undefined) found.set(key, [at]);
      else same.push(at);
      if (found.size > templatesMax) break;
    }
    if (found.size <= templatesMax) break;
  }
  return [...found.values()];
}

const MANY = 99;

/** Different words of a place, MANY where it is a variable anyway: a word with a digit mostly is. */
function differentWords(words: readonly string[]): number {
  const found = new Set<string>();
  for (const word of words) {
    found.add(word);
    if (found.size > WORD_LIMITS[0]) return MANY;
  }
  if (found.size === 1) return 1;
  for (const word of found) if (/\d/.test(word)) return MANY;
  return found.size;
}

function templateOf({ rows, places }: Group, own: readonly number[]): Template {
  const words: (string | null)[] = [];
  const columns: string[][] = [];
  for (const place of places) {
    const column = own.map((at) => place[at] ?? "");
    const first = column[0] ?? "";
    if (column.every((word) => word === first)) {
      words.push(first);
    } else {
      words.push(null);
      columns.push(column);
    }
  }
  return { words, rows: own.map((at) => rows[at] ?? 0), columns };
}
