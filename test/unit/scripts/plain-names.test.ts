import { expect, test } from "vitest";
import { withPlainNames } from "../../../scripts/plain-names.mjs";

test("private names become ordinary ones, of each class its own", () => {
  const text = `
    class Base { #at = 1; static #count = 0; async#read() { return this.#at; }
      get at() { return this.#at; } static count() { return ++Base.#count; } }
    class Derived extends Base { #at = 2; text = "#at"; both() { return [this.at, this.#at]; }
      inner() { const outer = this; return new (class { #at = 3; sum() { return this.#at + outer.#own; } })(); }
      #own = 4; }
  `;
  const plain = withPlainNames(text);
  expect(plain.replace('"#at"', "")).not.toContain("#");
  const run = (program: string) =>
    new Function(`${program}; const one = new Derived();
      return [one.both(), one.text, one.inner().sum(), Base.count(), Base.count()];`)();
  expect(run(plain)).toEqual(run(text));
  expect(run(plain)).toEqual([[1, 2], "#at", 7, 1, 2]);
});

test("whether an object has a private name is not asked of an ordinary one", () => {
  expect(() => withPlainNames("class A { #at; is(it) { return #at in it; } }")).toThrow("#at in");
});
