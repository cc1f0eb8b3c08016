import { RE2JS } from "re2js";
import { describe, expect, test } from "vitest";
import { newShapeCounts } from "../../../agent/logs/shape/shape-counts.ts";
import { texts } from "../../support/shaped.ts";

/** Made of pieces, so that nothing in this file looks like a secret to a scanner. */
const LONG = "a1B2c3D4".repeat(5);
const PREFIXES = {
  "aws-key": [`AK${"IA"}${"Q7".repeat(8)}`, `AS${"IA"}${"Z3".repeat(8)}`],
  "github-token": ["p", "o", "u", "s", "r"].map((kind) => `gh${kind}_${LONG.slice(0, 36)}`),
  "gitlab-token": [`gl${"pat"}-${LONG.slice(0, 20)}`, `gl${"rt"}-${LONG.slice(0, 20)}`],
  "slack-token": ["b", "p", "a", "r", "s"].map((kind) => `xo${"x"}${kind}-12-34-${LONG}`),
  "stripe-key": [`sk_${"live"}_${LONG}`, `rk_${"test"}_${LONG}`, `wh${"sec"}_${LONG}`],
  "google-key": [`AI${"za"}${LONG.slice(0, 35)}`, `ya${"29"}.${LONG}`],
  "api-key": [`sk-${"ant"}-api03-${LONG}`, `sk-${"proj"}-${LONG}`],
};
const [HEADER, PAYLOAD] = ["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiI3In0"];
const JWT = `${HEADER}.${PAYLOAD}.${LONG}`;
const BASIC = Buffer.from("ann:correct horse").toString("base64");

function masked(line: string): string {
  return texts([line]).join("\n");
}

describe("masked is", () => {
  test.each(
    Object.entries(PREFIXES).flatMap(([rule, tokens]) => tokens.map((token) => [rule, token])),
  )("%s %s", (rule = "", token = "") => {
    for (const [before, after] of [
      ["", ""],
      ["key ", " used"],
      ['{"msg":"', '\\n"}'],
      ["x\\n", "\\n"],
      ["url?a=", "&b=1"],
    ]) {
      expect(masked(`${before}${token}${after}`)).toBe(`${before}<masked:${rule}>${after}`);
    }
  });

  test.each<[line: string, secret: string, rule: string]>([
    [`Authorization: Bearer ${LONG}`, LONG, "authorization"],
    ["authorization: bearer short", "short", "authorization"],
    [`{"Authorization":"Basic ${BASIC}"}`, BASIC, "authorization"],
    [`"headers":{\\"authorization\\":\\"Bearer ${LONG}\\",\\"a\\":1}`, LONG, "authorization"],
    [`curl -H 'Authorization: token ${LONG}' http://x`, LONG, "authorization"],
    [`authorization: [ 'Bearer ${LONG}' ]`, LONG, "authorization"],
    [
      'Authorization: Digest username="a", response="f00"',
      'username="a", response="f00"',
      "authorization",
    ],
    [
      `{"authorization":"Digest username=\\"a\\", nc=1","b":2}`,
      'username=\\"a\\", nc=1',
      "authorization",
    ],
    [`got Bearer ${LONG} from client`, LONG, "authorization"],
    [`sent Basic ${BASIC}`, BASIC, "authorization"],
    [`session ${JWT} opened`, JWT, "jwt"],
    [`jwt_${JWT}`, JWT, "jwt"],
    ["password=hunter2", "hunter2", "password"],
    ["db_password = hunter2 ok", "hunter2", "password"],
    ["PASSWORD='hunter 2'", "hunter 2", "password"],
    ["user=a&passwd=hun%20ter&x=1", "hun%20ter", "password"],
    ["Server=db;User=a;Password=hu,nt#r2!;Timeout=5", "hu,nt#r2!", "password"],
    ["Config{user=a, password=hunter2, age=3}", "hunter2", "password"],
    ["Config(password=hunter2)", "hunter2", "password"],
    ["jdbc:x?user=a;pwd=hunter2;y=1", "hunter2", "password"],
    ['{"password":"hun\\"ter2","a":1}', 'hun\\"ter2', "password"],
    ['{"password" : "hunter\\\\"}', "hunter\\\\", "password"],
    ['{"msg":"{\\"user\\":\\"a\\",\\"password\\":\\"hunter2\\"}"}', "hunter2", "password"],
    ['{"msg":"{\\"password\\":\\"hun\\\\\\"ter2\\",\\"a\\":1}"}', 'hun\\\\\\"ter2', "password"],
    ["{'password': 'hunter2', 'a': 1}", "hunter2", "password"],
    ["password: hunter2", "hunter2", "password"],
    [':password=>"hunter2", :a=>1', "hunter2", "password"],
    ["passphrase=open sesame", "open", "password"],
    ["client_secret=s3cr3tv4lue", "s3cr3tv4lue", "secret"],
    ["AWS_SECRET_ACCESS_KEY=ab/cd+ef", "ab/cd+ef", "secret"],
    ['"secretKey":"s3cr3t"', "s3cr3t", "secret"],
    ["GET /a?access_token=abc123&x=1 HTTP/1.1", "abc123", "token"],
    ["X-Auth-Token: abc123", "abc123", "token"],
    ['"refresh_token":"abc/123=="', "abc/123==", "token"],
    ["api_key=abc123", "abc123", "api-key"],
    ["X-Api-Key: abc123", "abc123", "api-key"],
    ['{"apiKey":"abc123"}', "abc123", "api-key"],
    ["AccountKey=ab12+/==;Endpoint=x", "ab12+/==", "api-key"],
    ["open postgres://ann:hunter2@db:5432/shop", "hunter2", "url-password"],
    ["amqp://ann:p@ss:w@rd@mq and https://a.b/c", "p@ss:w@rd", "url-password"],
    ["redis://:hunter2@cache:6379", "hunter2", "url-password"],
    ["card 4111111111111111 taken", "4111111111111111", "card-number"],
    ["card 4111 1111 1111 1111 taken", "4111 1111 1111 1111", "card-number"],
    ["card=5500-0055-5555-5559;", "5500-0055-5555-5559", "card-number"],
    ["amex 3782 822463 10005", "3782 822463 10005", "card-number"],
    ["2026-11-30 03:12:45 378282246310005", "378282246310005", "card-number"],
    ["x:30569309025904", "30569309025904", "card-number"],
  ])("%s", (line, secret, rule) => {
    expect(masked(line)).toBe(line.replace(secret, `<masked:${rule}>`));
    const framed = `{"log": "${line}"}`;
    expect(masked(framed)).not.toContain(secret);
    expect(masked(`before\n${line}\nafter`)).toBe(
      `before\n${line.replace(secret, `<masked:${rule}>`)}\nafter`,
    );
  });

  test("a bare value of JSON, so that the line stays JSON", () => {
    expect(masked('{"token":123456789,"a":1}')).toBe('{"token":"<masked:token>","a":1}');
    expect(masked('{"card":4111111111111111}')).toBe('{"card":"<masked:card-number>"}');
    expect(masked('{"m":"{\\"pin_token\\":7654321}"}')).toBe(
      '{"m":"{\\"pin_token\\":\\"<masked:token>\\"}"}',
    );
  });

  test("a private key, over its lines and in one", () => {
    const [begin, end] = ["BEGIN", "END"].map((word) => `-----${word} RSA PRIVATE KEY-----`);
    const body = Array.from({ length: 24 }, () => "MIIEpAIBAAKCAQEA".repeat(4));
    const key = [begin, "Proc-Type: 4,ENCRYPTED", "", ...body, "QUJD=", end];
    const expected = ["before", "key: <masked:private-key>", "after", "QUJD"];
    const lines = ["before", `key: ${key.join("\n")}`, "after", "QUJD"];
    expect(texts([lines.join("\n")])).toEqual(expected);
    expect(texts([lines.join("\r\n  ")])).toEqual(
      expected.map((line, i) => (i === 0 ? line : `  ${line}`)),
    );
    expect(masked(`{"key":"${key.join("\\n")}\\n","a":1}`)).toBe(
      '{"key":"<masked:private-key>\\n","a":1}',
    );
    expect(texts([`no ${begin} here\ndone\nOK`])).toEqual([
      "no <masked:private-key>",
      "done",
      "OK",
    ]);
  });

  test("what the end of a cut line leaves of a token", () => {
    const options = { lineBytesMax: 30 };
    const token = PREFIXES["github-token"][0] ?? "";
    expect(texts([`the token is ${token} there\n`], { options })).toEqual([
      "the token is <masked:github-token>",
    ]);
    expect(texts([`the password is password=${LONG} there\n`], { options })).toEqual([
      "the password is password=<masked:password>",
    ]);
  });

  test("two secrets of a line, and where they overlap once", () => {
    const counts = newShapeCounts();
    const line = `password=a1 token=${JWT}; Authorization: Bearer ${JWT}`;
    expect(texts([line], { counts })).toEqual([
      "password=<masked:password> token=<masked:token>; Authorization: Bearer <masked:authorization>",
    ]);
    expect([...counts.masked]).toEqual([
      ["password", 1],
      ["token", 1],
      ["authorization", 1],
    ]);
  });

  test("what the user's rules say, in linear time", () => {
    const counts = newShapeCounts();
    const rules = [
      { name: "customer", pattern: RE2JS.compile("customer (\\d+)") },
      { name: "evil", pattern: RE2JS.compile("(?:a+)+$") },
    ];
    const given = { rules, counts };
    expect(texts(["€ customer 77, customer 8 paid"], given)).toEqual([
      "€ customer <masked:customer>, customer <masked:customer> paid",
    ]);
    expect(counts.masked.get("customer")).toBe(2);
    const line = `${"a".repeat(50_000)}!`;
    expect(texts([line], given)).toEqual([line]);
  });
});

test.each([
  "Failed password for root from 10.0.0.7 port 51234 ssh2",
  "Accepted password for ann from 10.0.0.7",
  "pam_unix(sudo:auth): authentication failure; logname=ann PWD=/root ; USER=root ; COMMAND=/bin/ls",
  "ann : TTY=pts/0 ; PWD=/home/ann ; USER=root",
  "prompt_tokens=512 completion_tokens=7 total_tokens: 519",
  '{"tokens":512,"max_token":4096,"token_type":"bearer","tokenize":true}',
  "SyntaxError: Unexpected token: punc ({)",
  "invalid token: expired at noon",
  "password: must have 8 characters",
  "password reset requested, passwords: none",
  'password= token= secret="" api_key=null password=*** token=[FILTERED] secret=<redacted>',
  'if (token == "x" || secret != y)',
  "Basic authentication failed, bearer authentication required, Bearer token missing",
  "authorization: required, Authorization failed: no rights",
  "2026-11-29 20:41:25 status unpacked passwd:amd64 1:4.13+dfsg1-1",
  "cat: /etc/passwd: No such file or directory",
  "secretary=ann secrets/list tokenizer=bpe",
  "ann@example.com wrote to bob@example.com about https://example.com/a:b/c@d",
  "git@github.com:a/b.git http://host:8080/x?mail=a@b.c",
  "ASIA pacific, Asia/Tokyo, making taking AKIA, ghp_short glpat-x xoxb- sk_live_",
  "epoch 1764472365123 1764472365123456 1764472365123456789",
  "id 4111111111111112 order 41111111111111112 trace 4111111111111111a 0.4111111111111111",
  "4000 5000 6000 7000 8000 and 1000 2000 3000 4000",
  "uuid 41111111-1111-4111-8111-111111111111 span 4111111111111111.5",
  "2026-11-30 03:12:45 2026-11-30 03:12:46 20261130031245 10.0.0.7-10.0.0.9",
  "0000000000000000 4444444444444444 9999999999999995",
  "-----BEGIN CERTIFICATE-----",
  "eyJust a word. eyJ and a.eyJunk, see organization.",
  "Bearer ThisIsALongWordButOnlyAWord",
  "\u001b[32mtokens\u001b[0m: 5 secret\u001b[0m",
])("left as it is: %s", (line) => {
  const counts = newShapeCounts();
  expect(texts([line], { counts })).toEqual([line]);
  expect(counts.masked.size).toBe(0);
});
