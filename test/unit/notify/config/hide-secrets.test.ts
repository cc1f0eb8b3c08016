import { expect, test } from "vitest";
import { hiddenText, hideSecrets } from "../../../../aggregator/notify/config/hide-secrets.ts";

test("secrets are hidden by their names, at any depth, and what is empty stays", () => {
  const value = {
    bot_token: "x",
    auth_password: "",
    title: "t",
    http_config: { authorization: { credentials: "x" }, proxy_url: "http://u:p@x/" },
    fields: [{ MyApiKey: "x", short: true, title: "t" }],
    timeout: 5,
  };
  expect(hideSecrets(value)).toEqual({
    bot_token: "<secret>",
    auth_password: "",
    title: "t",
    http_config: { authorization: { credentials: "<secret>" }, proxy_url: "<secret>" },
    fields: [{ MyApiKey: "<secret>", short: true, title: "t" }],
    timeout: 5,
  });
});

test("the URLs of requests stay, as do templates of a request of one's own", () => {
  const value = { url: "http://x/t", urls: ["http://y/"], form: { a: "x", b: "{{ .Status }}" } };
  const form = { a: "<secret>", b: "{{ .Status }}" };
  expect(hideSecrets(value)).toEqual({ ...value, form });
});

test("of files URLs stay", () => {
  expect(["https://x/y\n", "s3cret", ""].map(hiddenText)).toEqual([
    "https://x/y\n",
    "<secret>",
    "",
  ]);
});

test("in a free text what is named as a secret is hidden, and templates stay", () => {
  const of = (text: string) => hideSecrets({ payload: { text } }).payload.text;
  const s = "<secret>";
  expect(of("static")).toBe(s);
  const kept =
    "{{ .Status }}: {{ $token := .CommonLabels.token }}{{ $token }} key of {{ .Receiver }}";
  expect(of(kept)).toBe(kept);
  expect(of("token=abc {{ .Status }}")).toBe(`token=${s} {{ .Status }}`);
  expect(of('{"apiKey": "abc", "x": "{{ .Status }}"}')).toBe(
    `{"apiKey": "${s}", "x": "{{ .Status }}"}`,
  );
  expect(of("password: a:b&c=1 {{ .Status }}")).toBe(`password: ${s}&c=1 {{ .Status }}`);
  expect(of("Authorization: Bearer abc {{ .Status }}")).toBe(
    `Authorization: Bearer ${s} {{ .Status }}`,
  );
  expect(of("see https://u:p@x/y {{ .Status }}")).toBe(`see https://${s}@x/y {{ .Status }}`);
  expect(hideSecrets({ body: "pwd=abc{{ .Status }}" }).body).toBe(`pwd=${s}{{ .Status }}`);
});
