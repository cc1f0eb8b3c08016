import { expect, test } from "vitest";
import { NONE, SeriesForms } from "../../../agent/scrape/page/series-forms.ts";

const BUCKET_MAX = 64;
const PAGE = Buffer.from("abcdefghij".repeat(100));

test("series are found by their hash, also those that share it, until they are removed", () => {
  const forms = new SeriesForms();
  const a = forms.add(5, PAGE, 0, 3);
  const b = forms.add(5, PAGE, 3, 6);
  const c = forms.add(5 + 64, PAGE, 6, 9); // the same bucket
  expect(new Set([a, b, c]).size).toBe(3);
  expect([forms.first(5), forms.next(forms.first(5))].sort()).toEqual([a, b].sort());
  expect(forms.first(5 + 64)).toBe(c);
  expect(forms.isWrittenAt(b, PAGE, 13, 16)).toBe(true);
  expect(forms.isWrittenAt(b, PAGE, 13, 15)).toBe(false);
  expect(forms.isWrittenAt(b, PAGE, 14, 17)).toBe(false);
  forms.remove(a);
  expect(forms.first(5)).toBe(b);
  expect(forms.next(b)).toBe(NONE);
  expect(forms.size).toBe(2);
  expect(forms.add(9, PAGE, 0, 1)).toBe(a); // its number is free
});

test("all are found after the table has grown", () => {
  const forms = new SeriesForms();
  const handles = Array.from({ length: 1000 }, (_, i) => forms.add(i * 7, PAGE, i % 100, 200));
  expect(Array.from({ length: 1000 }, (_, i) => forms.first(i * 7))).toEqual(handles);
});

test("a bucket takes only so many", () => {
  const forms = new SeriesForms();
  for (let i = 0; i < BUCKET_MAX; i += 1) expect(forms.add(1, PAGE, 0, 1)).not.toBe(NONE);
  expect(forms.add(1, PAGE, 0, 1)).toBe(NONE);
  expect(forms.add(2, PAGE, 0, 1)).not.toBe(NONE);
});

test("bytes that nobody needs any more are given back", () => {
  const forms = new SeriesForms();
  const kept = forms.add(1, PAGE, 0, 5);
  for (let i = 0; i < 100; i += 1) {
    forms.remove(forms.add(2, PAGE, 0, 1000));
    forms.rewrite(kept, PAGE, i, i + 5);
    forms.compact(Int32Array.of(kept), 1);
  }
  expect(forms.bytes.length).toBeLessThan(20_000);
  expect(forms.isWrittenAt(kept, PAGE, 99, 104)).toBe(true);
});
