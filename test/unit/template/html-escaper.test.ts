import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BUILTIN_FUNCTIONS, fixed, textArg } from "../../../aggregator/template/functions.ts";
import type { TemplateValue } from "../../../aggregator/template/go-format.ts";
import { HtmlEscaper } from "../../../aggregator/template/html-escaper.ts";
import { compileTemplate, renderTemplate } from "../../../aggregator/template/template.ts";
import { elementsOf, shapeOf } from "../../support/html-elements.ts";

function safe(form: "html" | "url") {
  return fixed(1, (value) => {
    return { kind: "safe" as const, form, text: textArg(value), plain: textArg(value) };
  });
}

const NAMES = {
  variables: ["$"],
  functions: new Map([
    ...BUILTIN_FUNCTIONS,
    ["safeHtml", safe("html")] as const,
    ["safeUrl", safe("url")] as const,
  ]),
  unsupported: new Set<string>(),
};

/** With `a` and `b` as the values of the template. */
function html(text: string, a: TemplateValue, b: TemplateValue = ""): string {
  const root = { kind: "map" as const, entries: new Map([...Object.entries({ a, b })]) };
  const template = compileTemplate(text, NAMES);
  return renderTemplate(template, [["$", root]], 100_000, { escaper: new HtmlEscaper() });
}

describe("a value is escaped for its place:", () => {
  test.each([
    ["<p>{{ .a }}</p>", "<b>&\"'</b>", "<p>&lt;b&gt;&amp;&#34;&#39;&lt;/b&gt;</p>"],
    ["<p>{{ safeHtml .a }}</p>", "<b>x</b>", "<p><b>x</b></p>"],
    ["<title>{{ safeHtml .a }}</title>", "</title>", "<title>&lt;/title&gt;</title>"],
    ["<textarea><p {{ .a }}</textarea><i>{{ .a }}", "<", "<textarea><p &lt;</textarea><i>&lt;"],
    ['<p title="{{ .a }}">', '"><b>', '<p title="&#34;&gt;&lt;b&gt;">'],
    ["<p title='{{ .a }}'>", "'", "<p title='&#39;'>"],
    ['<p title="{{ safeHtml .a }}">', '"', '<p title="&#34;">'],
    ["<p title={{ .a }}>", "a b=c`", "<p title=a&#32;b&#61;c&#96;>"],
    ["<p title={{ .a }}>{{ .a }}", "a b", "<p title=a&#32;b>a b"],
    ["<p title= {{ .a }} id=x>", "", "<p title= ZgotmplZ id=x>"],
    ["<p title=x{{ .a }}>", " y>", "<p title=x&#32;y&gt;>"],
    ['<a href="{{ .a }}">', "https://h/?q=ü&r=1#s", '<a href="https://h/?q=%C3%BC&amp;r=1#s">'],
    ['<a href="{{ .a }}">', "/x y/%41%zz", '<a href="/x%20y/%41%25zz">'],
    ['<a href="{{ .a }}">', "javascript:alert(1)", '<a href="#ZgotmplZ">'],
    ['<a href="{{ .a }}">', " jAvA\tscript:alert(1)", '<a href="#ZgotmplZ">'],
    ['<a href="{{ .a }}">', "data:text/html,x", '<a href="#ZgotmplZ">'],
    ['<a href="{{ .a }}">', "mailto:a@b.example", '<a href="mailto:a@b.example">'],
    ['<a href="{{ safeUrl .a }}">', "tel:5", '<a href="tel:5">'],
    ["<a href={{ .a }}>", "javascript:x", "<a href=#ZgotmplZ>"],
    ['<a href="java{{ .a }}">', "script:x", '<a href="java#ZgotmplZ">'],
    ['<a href=" &#106;{{ .a }}">', "avascript:x", '<a href=" &#106;#ZgotmplZ">'],
    ['<a href="/p?q={{ .a }}">', "a&b=c d", '<a href="/p?q=a%26b%3Dc%20d">'],
    ['<a href="/#/x?f={{ .a }}">', '{"', '<a href="/#/x?f=%7B%22">'],
    ['<a href="{{ .a }}/x?q={{ .a }}">', "http://h", '<a href="http://h/x?q=http%3A%2F%2Fh">'],
    ['<img data-src="{{ .a }}">', "javascript:x", '<img data-src="#ZgotmplZ">'],
    ['<use xlink:HREF="{{ .a }}">', "javascript:x", '<use xlink:HREF="#ZgotmplZ">'],
    ['<img srcset="{{ .a }} 2x">', "/a,b", '<img srcset="/a%2Cb 2x">'],
    ['<p style="color: {{ .a }}">', "#f00", '<p style="color: #f00">'],
    ['<p style="color: {{ .a }}">', "red;x:url(y)", '<p style="color: ZgotmplZ">'],
    ["<!-- {{ .a }} --><p>{{ .a }}", "-->", "<!--  --><p>--&gt;"],
    ["<!--><p title='{{ .a }}'>", "'", "<!--><p title='&#39;'>"],
    ["<!DOCTYPE {{ .a }}><p>{{ .a }}", "x", "<!DOCTYPE ><p>x"],
    ["1 < 2 {{ .a }}", "<", "1 < 2 &lt;"],
    ["<style>p{}</style>{{ .a }}", "<", "<style>p{}</style>&lt;"],
    ["<script>'</scr' + '<a '</script >{{ .a }}", "<", "<script>'</scr' + '<a '</script >&lt;"],
    ["<p a b = '{{ .a }}' c>{{ .a }}", "'", "<p a b = '&#39;' c>&#39;"],
    ["<br/>{{ .a }}</p >{{ .a }}", ">", "<br/>&gt;</p >&gt;"],
    ["{{ printf `<b>` }}{{ .a }}", "x", "&lt;b&gt;x"],
    ["<p {{ if .a }}id='{{ end }}{{ .a }}'>", "'", "<p id='&#39;'>"],
    ["<p>{{ define `x` }}{{ . }}{{ end }}<i title='{{ template `x` .a }}'>", "'", null],
    ["<p>{{ .a }}", "\0", "<p>\ufffd"],
  ])("%s with %j", (text, value, expected) => {
    expect(html(text, value)).toBe(expected ?? "<p><i title='&#39;'>");
  });

  test("numbers are text, too", () => expect(html("<p id={{ .a }}>{{ .a }}", 5)).toBe("<p id=5>5"));
});

describe("a value is refused where none can be made safe:", () => {
  test.each([
    ["<script>{{ .a }}</script>", "in <script>"],
    ["<STYLE>{{ .a }}</style>", "in <style>"],
    ["<p onclick='{{ .a }}'>", "in the attribute onclick"],
    ["<iframe srcdoc='{{ .a }}'>", "in the attribute srcdoc"],
    ["<p {{ .a }}>", "in a tag, but for the value of an attribute"],
    ["<p x{{ .a }}>", "in a tag, but for the value of an attribute"],
    ["<p x {{ .a }}>", "in a tag, but for the value of an attribute"],
    ["<{{ .a }}>", "in a tag, but for the value of an attribute"],
    ["</{{ .a }}>", "in a tag, but for the value of an attribute"],
    ["<b{{ .a }}>", "in a tag, but for the value of an attribute"],
    ["<a href='{{ .a }}:alert(1)'>", "for a URL's scheme"],
  ])("%s", (text, place) => {
    expect(() => html(text, "javascript")).toThrow(`a value may not stand ${place}`);
  });
});

const DOCUMENT = `<title>{{ .a }}</title><p>{{ .a }}{{ .b }}</p><!-- {{ .a }} -->
<i title="{{ .a }}{{ .b }}" lang='{{ .a }}'><b id={{ .a }}x class={{ .b }}>
<a href="{{ .a }}{{ .b }}" rel=x><a href={{ .a }}><a href='/?q={{ .a }}&r={{ .b }}'>
<a href="x{{ .a }}"><img src=" {{ .a }}" alt="{{ .b }}"><u style="color:{{ .a }}">{{ .b }}</u>`;

const FRAGMENTS = [
  ..."<>\"'&=`/\\#?:;,.()-! \n\t\0x1",
  ..."javascript script java data vbscript: </title> --> <!-- onerror= &#58; http:// %".split(" "),
];
/** As `unit: "binary"`, which makes a table of all 1,112,064 of them first: 2.5 s and 130 MB. */
const character = fc.nat(0x10_f7ff).map(
  (n) => String.fromCodePoint(n < 0xd800 ? n : n + 0x800),
  (text) => {
    const point = typeof text === "string" ? (text.codePointAt(0) ?? 0) : 0;
    return point < 0xd800 ? point : point - 0x800;
  },
);
const hostile = fc.oneof(
  fc.array(fc.constantFrom(...FRAGMENTS), { size: "max", maxLength: 12 }).map((p) => p.join("")),
  fc.string({ unit: character }),
);

test("whatever the values are, the elements and attributes are those of the template", () => {
  const plain = elementsOf(html(DOCUMENT, "x", "y"));
  expect(plain).toHaveLength(13);
  fc.assert(
    fc.property(hostile, hostile, (a, b) => {
      const elements = elementsOf(html(DOCUMENT, a, b));
      expect(shapeOf(elements)).toEqual(shapeOf(plain));
      const text = (one: string) => one.replaceAll("\0", "\ufffd");
      expect(elements.find(({ name }) => name === "i")?.attributes.get("title")).toBe(text(a + b));
      for (const { attributes } of elements) {
        const url = attributes.get("href") ?? attributes.get("src") ?? "";
        const base = "https://base.example/";
        if (!URL.canParse(url, base)) continue; // a browser does not follow it either
        expect(["http:", "https:", "mailto:"]).toContain(new URL(url, base).protocol);
      }
    }),
    { numRuns: 400 },
  );
});
