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
/** Lines that are looked at in one turn. */
const LINES_PER_TURN = 4096;
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

/** @param pause awaited after some tens of milliseconds of work */
export async function findTemplates(
  lines: readonly string[],
  pause: () => Promise<void>,
): Promise<Templates> {
  const templates: Template[] = [];
  const others: number[] = [];
  for (const group of await groupByLength(lines, pause)) {
    for (const rows of rowsByTemplate(group)) {
      if (rows.length < TEMPLATE_LINES_MIN) {
        for (const at of rows) others.push(group.rows[at] ?? 0);
      } else {
        templates.push(templateOf(group, rows));
      }
      if (rows.length >= LINES_PER_TURN) await pause();
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

/** The words that lines of a group have in one place. */
class Place {
  /** By line. The same few words are the same strings, so that what a line is split into dies young. */
  readonly words: string[] = [];
  /** Which different ones there are, with their numbers; null: too many, or with a digit. */
  #few: Map<string, number> | null = new Map();
  #texts: string[] = [];
  #last = "";

  add(word: string): void {
    this.words.push(word === this.#last ? this.#last : this.#known(word));
  }

  /** MANY where it is a variable anyway: a word with a digit mostly is. */
  get different(): number {
    if (this.#few === null) return MANY;
    if (this.#few.size > 1 && this.#texts.some((word) => /\d/.test(word))) return MANY;
    return this.#few.size;
  }

  /** Of the word on a line, where there are few. */
  numberAt(line: number): number {
    return this.#few?.get(this.words[line] ?? "") ?? 0;
  }

  #known(word: string): string {
    if (this.#few === null) return word;
    const number = this.#few.get(word);
    if (number !== undefined) {
      this.#last = this.#texts[number] ?? word;
      return this.#last;
    }
    this.#few.set(word, this.#few.size);
    this.#texts.push(word);
    this.#last = word;
    if (this.#few.size > WORD_LIMITS[0]) this.#few = null;
    return word;
  }
}

const MANY = 99;

type Group = { readonly rows: number[]; readonly places: readonly Place[] };

async function groupByLength(
  lines: readonly string[],
  pause: () => Promise<void>,
): Promise<Iterable<Group>> {
  const groups = new Map<number, Group>();
  for (let row = 0; row < lines.length; row += 1) {
    const words = wordsOf(lines[row] ?? "");
    let group = groups.get(words.length);
    if (group === undefined) {
      group = { rows: [], places: words.map(() => new Place()) };
      groups.set(words.length, group);
    }
    group.rows.push(row);
    const { places } = group;
    for (let i = 0; i < words.length; i += 1) places[i]?.add(words[i] ?? "");
    if (row % LINES_PER_TURN === LINES_PER_TURN - 1) await pause();
  }
  return groups.values();
}

/** Rows, as indices into the group's, that have the same words in the places of few words. */
function rowsByTemplate({ rows, places }: Group): number[][] {
  const templatesMax = TEMPLATES_MIN + rows.length / LINES_PER_TEMPLATE;
  let found: number[][] = [];
  for (const limit of WORD_LIMITS) {
    const fixed = places.filter(({ different }) => different > 1 && different <= limit);
    found = rowsByWords(rows.length, fixed, templatesMax);
    if (found.length <= templatesMax) break;
  }
  return found;
}

/** One more than the limit when there are more. */
function rowsByWords(count: number, fixed: readonly Place[], max: number): number[][] {
  const found: number[][] = [];
  const ids = new Map<string, number>();
  for (let at = 0; at < count && found.length <= max; at += 1) {
    let key = "";
    for (const place of fixed) key += String.fromCharCode(place.numberAt(at));
    const id = ids.get(key);
    if (id !== undefined) {
      found[id]?.push(at);
    } else {
      ids.set(key, found.length);
      found.push([at]);
    }
  }
  return found;
}

function templateOf({ rows, places }: Group, own: readonly number[]): Template {
  const words: (string | null)[] = [];
  const columns: string[][] = [];
  for (const { words: all } of places) {
    const first = all[own[0] ?? 0] ?? "";
    if (own.every((at) => all[at] === first)) {
      words.push(first);
    } else {
      words.push(null);
      columns.push(own.map((at) => all[at] ?? ""));
    }
  }
  return { words, rows: own.map((at) => rows[at] ?? 0), columns };
}
