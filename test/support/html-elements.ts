/** How a browser finds the elements of a document, in a few lines of their own. */

export type Element = { readonly name: string; readonly attributes: ReadonlyMap<string, string> };

export function elementsOf(text: string): Element[] {
  const found: Element[] = [];
  let rest = text;
  while (rest !== "") {
    const comment = /^<!--[\s\S]*?-->/.exec(rest)?.[0];
    const open = /^<(\/?[a-zA-Z][^\s/>]*)/.exec(rest);
    if (comment !== undefined) rest = rest.slice(comment.length);
    else if (open?.[1] === undefined) rest = rest.slice(1);
    else {
      const attributes = new Map<string, string>();
      const name = open[1].toLowerCase();
      rest = rest.slice(open[0].length);
      for (;;) {
        const one = /^[\s/]*([^\s/>=]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s>"'][^\s>]*))?/.exec(rest);
        if (one?.[1] === undefined) break;
        attributes.set(one[1], decoded((one[2] ?? "").replace(/^(["'])([\s\S]*)\1$/, "$2")));
        rest = rest.slice(one[0].length);
      }
      rest = rest.replace(/^[\s/]*>/, "");
      if (name === "title") rest = rest.slice(rest.search(/<\/title[\s/>]/i));
      found.push({ name, attributes });
    }
  }
  return found;
}

function decoded(text: string): string {
  return text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

/** The names of elements and of their attributes, in order. */
export function shapeOf(elements: readonly Element[]): string[][] {
  return elements.map(({ name, attributes }) => [name, ...attributes.keys()]);
}
