/**
 * A small part of JSONPath (RFC 9535): from the root `$` by names (`.name`, `['any name']`), places in
 * arrays from 0, or from the end with -1 (`[2]`), and all there is (`[*]`, `.*`). Filters, slices, unions
 * and descendants (`..`) are not part of it.
 */

/** A name in an object, a place in an array, or `ALL` of either. */
type JsonStep = { readonly name: string } | { readonly index: number } | typeof ALL;

export const ALL = "*";
/** In the order in which they are taken. */
export type JsonPath = readonly JsonStep[];

const STEPS_MAX = 32;
const LENGTH_MAX = 1024;
const NAME = /^\.([^\s.[\]'"*$@(),:?]+)/;
const INDEX = /^\[(-?\d{1,9})\]/;
const QUOTED = /^\[(?:'((?:[^'\\]|\\['\\])*)'|"((?:[^"\\]|\\["\\])*)")\]/;
const WILD = /^(?:\.\*|\[\*\])/;

/** The path, or what is wrong with it. */
export function parseJsonPath(text: string): JsonPath | string {
  if (!text.startsWith("$")) return `must begin with $: "${text.slice(0, 50)}"`;
  if (text.length > LENGTH_MAX) return `longer than ${LENGTH_MAX} characters`;
  const steps: JsonStep[] = [];
  for (let at = 1; at < text.length; ) {
    const found = stepAt(text.slice(at));
    if (found === null) {
      return `not understood from "${text.slice(at, at + 50)}" on: names (.name, ['a name']), places ([0]) and all ([*]) are`;
    }
    steps.push(found.step);
    at += found.length;
  }
  return steps.length > STEPS_MAX ? `more than ${STEPS_MAX} steps` : steps;
}

function stepAt(rest: string): { step: JsonStep; length: number } | null {
  const [all] = WILD.exec(rest) ?? [];
  if (all !== undefined) return { step: ALL, length: all.length };
  const name = NAME.exec(rest);
  if (name !== null) return { step: { name: name[1] ?? "" }, length: name[0].length };
  const index = INDEX.exec(rest);
  if (index !== null) return { step: { index: Number(index[1]) }, length: index[0].length };
  const quoted = QUOTED.exec(rest);
  if (quoted === null) return null;
  const text = quoted[1] ?? quoted[2] ?? "";
  return { step: { name: text.replace(/\\(.)/g, "$1") }, length: quoted[0].length };
}
