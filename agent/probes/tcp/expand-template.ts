/** A group of a match by its number or name; "" where there is none. */
export type GroupOf = (which: number | string) => string;

const REFERENCE = /\$(?:\$|\{(\w+)\}|(\w+))/g;

/** What Go's `Expand` makes of `$1`, `${1}`, `$name` and `$$`; a `$` of none of these stays. */
export function expandTemplate(template: string, groupOf: GroupOf): string {
  return template.replace(REFERENCE, (whole, braced?: string, plain?: string) => {
    const name = braced ?? plain;
    if (name === undefined) return whole === "$$" ? "$" : whole;
    return groupOf(/^\d+$/.test(name) ? Number(name) : name);
  });
}
