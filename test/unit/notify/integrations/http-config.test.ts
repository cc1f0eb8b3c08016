import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  httpConfigSchema,
  readHttpConfig,
} from "../../../../aggregator/notify/config/http-config.ts";
import { OperationalError } from "../../../../shared/errors.ts";
import { PLAIN_CLIENT } from "../../../support/http-receiver.ts";

const FILES: Readonly<Record<string, string>> = { "/secret": " s \n", "/lines": "a\nb" };

function read(entry: object | undefined, global?: object) {
  const faults: string[] = [];
  const globals = {
    http_config: global === undefined ? undefined : httpConfigSchema.parse(global),
  };
  const options = readHttpConfig(entry === undefined ? undefined : httpConfigSchema.parse(entry), {
    globals,
    readText: (path) => {
      const text = FILES[path];
      if (text === undefined)
        throw new OperationalError("CONFIG", `${path}: there is no such file`);
      return text;
    },
    report: (message, path = []) => faults.push([...path, message].join(": ")),
  });
  return { options, faults };
}

const optionsOf = (entry: object) => {
  const { options, faults } = read(entry);
  expect(faults).toEqual([]);
  return options;
};

test("without an http_config it is the global one, which the entry's own stands in place of", () => {
  expect(read(undefined)).toEqual({ options: PLAIN_CLIENT, faults: [] });
  const global = { proxy_url: "http://p:1", bearer_token: "t" };
  expect(read(undefined, global).options).toMatchObject({ authorization: "Bearer t" });
  expect(read({ follow_redirects: false }, global).options).toEqual({
    ...PLAIN_CLIENT,
    followRedirects: false,
  });
});

test.each([
  [
    { basic_auth: { username: "ü", password: "p" } },
    `Basic ${Buffer.from("ü:p").toString("base64")}`,
  ],
  [{ basic_auth: { username_file: "/secret", password_file: "/secret" } }, `Basic ${btoa("s:s")}`],
  [{ basic_auth: {} }, `Basic ${btoa(":")}`],
  [{ authorization: { credentials: "t" } }, "Bearer t"],
  [{ authorization: { type: " Token ", credentials_file: "/secret" } }, "Token s"],
  [{ bearer_token: "t" }, "Bearer t"],
  [{ bearer_token_file: "/secret" }, "Bearer s"],
  [{}, null],
])("%j authorizes with %s", (entry, expected) => {
  expect(optionsOf(entry).authorization).toBe(expected);
});

test("headers of several values are one, with those of files", () => {
  const http_headers = {
    "X-A": { values: ["1", "2"], secrets: ["3"], files: ["/secret"] },
    "x-b": { values: [""] },
  };
  expect(optionsOf({ http_headers }).headers).toEqual({ "x-a": "1, 2, 3, s", "x-b": "" });
});

test("proxies, for the requests and for tokens", () => {
  const proxy = { proxy_url: "p:3128", no_proxy: "a, b", proxy_connect_header: { "X-P": ["1"] } };
  const read = { proxyUrl: "http://p:3128", noProxy: "a, b", proxyHeaders: { "x-p": "1" } };
  const oauth2 = {
    ...{ client_id: "i", client_secret_file: "/secret", token_url: "https://t/", scopes: ["a"] },
    ...{ endpoint_params: { x: "y" }, proxy_from_environment: true },
  };
  const options = optionsOf({ ...proxy, oauth2, enable_http2: false });
  expect(options).toMatchObject(read);
  expect(options.oauth2).toMatchObject({
    ...{ clientId: "i", clientSecret: "s", tokenUrl: "https://t/", scopes: ["a"] },
    ...{ parameters: { x: "y" }, connection: { proxyUrl: null, proxyFromEnvironment: true } },
  });
});

test("a tls_config", () => {
  const { tls } = optionsOf({
    tls_config: { server_name: "a", insecure_skip_verify: true, min_version: "TLS12" },
  });
  const expected = { serverName: "a", skipsVerification: true, minVersion: "TLSv1.2" };
  expect(tls).toEqual({ ...PLAIN_CLIENT.tls, ...expected });
});

const OAUTH2 = { client_id: "i", client_secret: "s", token_url: "https://t/" };
const AT_MOST_ONE = "http_config: at most one of basic_auth, oauth2, authorization, bearer_token";

test.each([
  [{ bearer_token: "a", bearer_token_file: "/secret" }, "at most one of bearer_token &"],
  [{ bearer_token: "a", basic_auth: {} }, AT_MOST_ONE],
  [{ authorization: {}, basic_auth: {} }, AT_MOST_ONE],
  [{ oauth2: OAUTH2, authorization: {} }, AT_MOST_ONE],
  [
    { basic_auth: { password: "a", password_file: "/secret" } },
    "basic_auth: at most one of password",
  ],
  [{ basic_auth: { username: "a", username_file: "/secret" } }, "at most one of username"],
  [{ basic_auth: { password_file: "/none" } }, "password_file: /none: there is no such file"],
  [{ authorization: { type: "Basic", credentials: "a" } }, "authorization: type cannot be"],
  [
    { authorization: { credentials: "a", credentials_file: "/secret" } },
    "at most one of credentials",
  ],
  [{ authorization: { credentials_file: "/lines" } }, "a header's value cannot hold this text"],
  [{ oauth2: { ...OAUTH2, client_id: "" } }, "oauth2: client_id must not be empty"],
  [{ oauth2: { ...OAUTH2, client_secret: "" } }, "client_secret or client_secret_file"],
  [{ oauth2: { ...OAUTH2, token_url: "ftp://t" } }, "token_url must be"],
  [{ oauth2: { ...OAUTH2, tls_config: { cert: "a" } } }, "oauth2: tls_config: cert and key"],
  [{ proxy_url: "ftp://p" }, "proxy_url must be"],
  [{ proxy_url: "http://p", proxy_from_environment: true }, "proxy_from_environment goes with"],
  [{ no_proxy: "a" }, "no_proxy needs a proxy_url"],
  [{ proxy_connect_header: { a: ["b"] } }, "proxy_connect_header needs a proxy"],
  [{ http_headers: { Authorization: {} } }, "Authorization: this header cannot be set"],
  [{ http_headers: { "a b": {} } }, "a b: not a header's name"],
  [{ http_headers: { a: {}, A: {} } }, "A: the header is there twice"],
  [{ http_headers: { a: { files: ["/lines"] } } }, "a: a header's value cannot hold"],
  [{ tls_config: { ca: "x", ca_file: "/secret" } }, "tls_config: at most one of ca & ca_file"],
  [{ tls_config: { ca: "x" } }, "tls_config: the ca is no PEM text"],
  [{ tls_config: { cert: "x", key: "y" } }, "tls_config: the certificates cannot be used"],
  [{ tls_config: { key: "x" } }, "cert and key are needed together"],
  [{ tls_config: { min_version: "TLS13", max_version: "TLS12" } }, "min_version must not be"],
])("%j is a fault: %s", (entry, expected) => {
  const { faults } = read(entry);
  expect(faults.length).toBeGreaterThan(0);
  expect(faults[0]).toMatch(/^http_config: /);
  expect(faults.join("\n")).toContain(expected);
});

test("a fault of the global settings says so", () => {
  expect(read(undefined, { tls_config: { key: "x" } }).faults).toEqual([
    "global http_config.tls_config: cert and key are needed together",
  ]);
});

test.each([
  { proxy: "p" },
  { tls_config: { min_version: "SSL30" } },
  { oauth2: { client_id: "a" } },
])("%j is refused by the schema", (entry) => {
  expect(httpConfigSchema.safeParse(entry).success).toBe(false);
});

test("no fault shows a secret", () => {
  const key = readFileSync(join(import.meta.dirname, "http-config.test.ts"), "utf8").slice(0, 40);
  const { faults } = read({
    ...{ tls_config: { cert: key, key }, authorization: { credentials: "se\ncret" } },
    ...{ proxy_url: "ftp://user:secret@p", http_headers: { a: { secrets: ["se\ncret"] } } },
  });
  expect(faults.length).toBeGreaterThan(3);
  expect(faults.join("\n")).not.toMatch(/se\ncret|secret@|readFileSync/);
});
