import { parseAst } from "rolldown/parseAst";

/**
 * The program with ordinary properties in place of private ones, `$3_tail` for the `#tail` of the
 * third class: before it optimises a function V8 looks a private name up twice as slowly. Each class
 * has names of its own, so that one that extends another does not get in its way.
 * @param {string} text an ES module
 * @returns {string}
 */
export function withPlainNames(text) {
  const edits = [];
  let classCount = 0;

  /** @param classes the classes around the node, the outermost first */
  function visit(node, classes) {
    if (Array.isArray(node)) {
      for (const one of node) visit(one, classes);
      return;
    }
    if (node === null || typeof node !== "object") return;
    if (node.type === "PrivateIdentifier") {
      const { prefix } = classes.findLast(({ names }) => names.has(node.name));
      edits.push({ start: node.start, end: node.end, name: `${prefix}${node.name}` });
      return;
    }
    if (node.type === "BinaryExpression" && node.left.type === "PrivateIdentifier") {
      throw new Error(`#${node.left.name} in …: not known here`);
    }
    let inner = classes;
    if (node.type === "ClassBody") {
      classCount += 1;
      const keys = node.body.map(({ key }) => key);
      const names = keys.filter((key) => key?.type === "PrivateIdentifier").map(({ name }) => name);
      inner = [...classes, { prefix: `$${classCount}_`, names: new Set(names) }];
    }
    for (const child of Object.values(node)) visit(child, inner);
  }

  visit(parseAst(text, { lang: "js" }).body, []);
  edits.sort((a, b) => a.start - b.start);
  let plain = "";
  let at = 0;
  for (const { start, end, name } of edits) {
    const before = text.slice(at, start);
    const isTouching = /[\w$]$/.test(before); // `async#read`
    plain += `${before}${isTouching ? " " : ""}${name}`;
    at = end;
  }
  return plain + text.slice(at);
}
