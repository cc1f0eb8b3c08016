import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testCertificate } from "../support/test-certificate.ts";
import { type Blackbox, hasBlackbox, startBlackbox } from "./blackbox.ts";
import { dnsName, type SentAnswer, startDnsServer, text, u16, u32 } from "./dns-server.ts";

const bytes = (...values: number[]) => Buffer.from(values);
const A = { name: "@", type: 1, data: [192, 0, 2, 1] };
const AAAA = { name: "@", type: 28, data: [bytes(0x20, 1, 0xd, 0xb8), Buffer.alloc(11), 1] };

/** Each type's text is told by a pattern that only the right one matches. */
const ZONE: Readonly<Record<string, SentAnswer>> = {
  "a.example": { answer: [A, { ...A, ttl: 7, data: [192, 0, 2, 2] }] },
  "aaaa.example": { answer: [AAAA] },
  "empty.example": {},
  "refused.example": { rcode: 5 },
  "cname.example": {
    answer: [
      { name: "@", type: 5, data: ["A.Example"] },
      { ...A, name: "a.example" },
    ],
  },
  "mx.example": { answer: [{ name: "@", type: 15, data: [u16(10), "mail.example"] }] },
  "txt.example": {
    answer: [{ name: "@", type: 16, data: [text('a "b" \\ \u0007é;'), text("")] }],
  },
  "srv.example": {
    answer: [{ name: "@", type: 33, data: [u16(1), u16(2), u16(443), "x.example"] }],
  },
  "soa.example": {
    answer: [
      {
        name: "@",
        type: 6,
        data: ["ns.example", "host\\.master.example", ...[2026113001, 1, 2, 3, 4].map(u32)],
      },
    ],
  },
  "caa.example": {
    answer: [{ name: "@", type: 257, data: [0, text("issue"), Buffer.from("ca.example")] }],
  },
  "ds.example": { answer: [{ name: "@", type: 43, data: [u16(1), 8, 2, bytes(0xab, 0xcd)] }] },
  "tlsa.example": { answer: [{ name: "@", type: 52, data: [3, 1, 1, bytes(0xab, 0xcd)] }] },
  "sshfp.example": { answer: [{ name: "@", type: 44, data: [1, 2, bytes(0xab)] }] },
  "key.example": { answer: [{ name: "@", type: 48, data: [u16(257), 3, 8, bytes(1, 2, 3, 4)] }] },
  "naptr.example": {
    answer: [
      { name: "@", type: 35, data: [u16(1), u16(2), text("S"), text("x"), text(""), "y.example"] },
    ],
  },
  "uri.example": {
    answer: [{ name: "@", type: 256, data: [u16(1), u16(2), Buffer.from("http://x/")] }],
  },
  "unknown.example": { answer: [{ name: "@", type: 65_280, data: [bytes(1, 0xff)] }] },
  "odd.example": { answer: [{ name: "a b.\u0001x.example", type: 2, data: ["n;s.example"] }] },
  "all.example": {
    answer: [A],
    authority: [{ name: "example", type: 2, data: ["ns.example"] }],
    additional: [{ ...A, name: "ns.example" }],
  },
};

const dns = (queryName: string, queryType: string, options: object = {}) => ({
  prober: "dns",
  dns: { query_name: queryName, query_type: queryType, ...options },
});
/** A type whose one record has to be written so. */
const written = (queryName: string, queryType: string, pattern: string) =>
  dns(queryName, queryType, { validate_answer_rrs: { fail_if_not_matches_regexp: [pattern] } });
const answer = (checks: object) => dns("a.example", "A", { validate_answer_rrs: checks });

const MODULES = {
  a: dns("a.example", "A"),
  a_tcp: dns("a.example", "A", { transport_protocol: "tcp" }),
  a_tls: dns("a.example", "A", {
    ...{ transport_protocol: "tcp", dns_over_tls: true },
    tls_config: { insecure_skip_verify: true },
  }),
  a_tls_bad: dns("a.example", "A", { transport_protocol: "tcp", dns_over_tls: true }),
  any: dns("a.example", ""),
  root: dns(".", "NS", { recursion_desired: false, valid_rcodes: ["NXDOMAIN", "SERVFAIL"] }),
  dotted: dns("a.example.", "A", { query_class: "CH" }),
  missing: dns("missing.example", "A"),
  missing_good: dns("missing.example", "A", { valid_rcodes: ["NXDOMAIN"] }),
  refused: dns("refused.example", "A"),
  empty: dns("empty.example", "A"),
  empty_wanted: dns("empty.example", "A", {
    validate_answer_rrs: { fail_if_none_matches_regexp: ["x"] },
  }),
  soa: dns("soa.example", "SOA"),
  soa_empty: dns("empty.example", "SOA"),
  matches: answer({ fail_if_matches_regexp: ["192\\.0\\.2\\.2$"] }),
  matches_not: answer({ fail_if_matches_regexp: ["127"] }),
  not_matches: answer({ fail_if_not_matches_regexp: ["192\\.0\\.2\\.2$"] }),
  not_matches_none: answer({ fail_if_not_matches_regexp: ["\\t192\\.0\\.2\\."] }),
  none_matches: answer({ fail_if_none_matches_regexp: ["127", "192\\.0\\.2\\.2$"] }),
  none_matches_bad: answer({ fail_if_none_matches_regexp: ["127"] }),
  all_match: answer({ fail_if_all_match_regexp: ["192"] }),
  all_match_not: answer({ fail_if_all_match_regexp: ["192\\.0\\.2\\.2$"] }),
  authority: dns("all.example", "A", {
    validate_authority_rrs: { fail_if_matches_regexp: ["ns"] },
  }),
  additional: dns("all.example", "A", {
    validate_additional_rrs: { fail_if_matches_regexp: ["^ns"] },
  }),
  all: dns("all.example", "A"),
};

const WRITTEN = {
  a: ["A", "^a\\.example\\.\\t(60|7)\\tIN\\tA\\t192\\.0\\.2\\.[12]$"],
  aaaa: ["AAAA", "\\tIN\\tAAAA\\t2001:db8::1$"],
  cname: ["CNAME", "(CNAME\\tA\\.Example\\.|^a\\.example\\.\\t60\\tIN\\tA\\t192\\.0\\.2\\.1)$"],
  mx: ["MX", "\\tMX\\t10 mail\\.example\\.$"],
  txt: ["TXT", '\\tTXT\\t"a \\\\"b\\\\" \\\\\\\\ \\\\007\\\\233;" ""$'],
  srv: ["SRV", "\\tSRV\\t1 2 443 x\\.example\\.$"],
  soa: ["SOA", "\\tSOA\\tns\\.example\\. host\\\\\\\\\\.master\\.example\\. 2026113001 1 2 3 4$"],
  caa: ["CAA", '\\tCAA\\t0 issue "ca\\.example"$'],
  ds: ["DS", "\\tDS\\t1 8 2 ABCD$"],
  tlsa: ["TLSA", "\\tTLSA\\t3 1 1 abcd$"],
  sshfp: ["SSHFP", "\\tSSHFP\\t1 2 AB$"],
  key: ["DNSKEY", "\\tDNSKEY\\t257 3 8 AQIDBA==$"],
  naptr: ["NAPTR", '\\tNAPTR\\t1 2 "S" "x" "" y\\.example\\.$'],
  uri: ["URI", '\\tURI\\t1 2 "http://x/"$'],
  unknown: ["ANY", "\\tTYPE65280\\t\\\\# 2 01ff$"],
  odd: ["NS", "^a\\\\ b\\.\\\\001x\\.example\\.\\t60\\tIN\\tNS\\tn\\\\;s\\.example\\.$"],
} as const;

describe.skipIf(!hasBlackbox)("DNS, as blackbox_exporter 0.23", () => {
  let blackbox: Blackbox;
  let server: Awaited<ReturnType<typeof startDnsServer>>;

  beforeAll(async () => {
    server = await startDnsServer(ZONE, await testCertificate("localhost"));
    const forms = Object.entries(WRITTEN).map(([name, [type, pattern]]) => {
      return [`written_${name}`, written(`${name}.example`, type, pattern)] as const;
    });
    blackbox = await startBlackbox({ ...MODULES, ...Object.fromEntries(forms) });
  });
  afterAll(async () => {
    await blackbox[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  test.each([
    ["a", "udp", 1, { probe_dns_answer_rrs: 2 }],
    ["a_tcp", "tcp", 1, { probe_dns_answer_rrs: 2 }],
    ["a_tls", "tls", 1, { probe_dns_answer_rrs: 2 }],
    ["a_tls_bad", "tls", 0, { probe_dns_query_succeeded: 0 }],
    ["any", "udp", 1, {}],
    ["root", "udp", 1, {}],
    ["dotted", "udp", 1, {}],
    ["missing", "udp", 0, { probe_dns_query_succeeded: 1 }],
    ["missing_good", "udp", 1, {}],
    ["refused", "udp", 0, {}],
    ["empty", "udp", 1, { probe_dns_answer_rrs: 0 }],
    ["empty_wanted", "udp", 0, {}],
    ["soa", "udp", 1, { probe_dns_serial: 2_026_113_001 }],
    ["soa_empty", "udp", 1, { probe_dns_serial: 0 }],
    ["matches", "udp", 0, {}],
    ["matches_not", "udp", 1, {}],
    ["not_matches", "udp", 0, {}],
    ["not_matches_none", "udp", 1, {}],
    ["none_matches", "udp", 1, {}],
    ["none_matches_bad", "udp", 0, {}],
    ["all_match", "udp", 1, {}],
    ["all_match_not", "udp", 0, {}],
    ["authority", "udp", 0, { probe_dns_authority_rrs: 1 }],
    ["additional", "udp", 0, { probe_dns_additional_rrs: 1 }],
    ["all", "udp", 1, {}],
  ] as const)("%s by %s", async (module, way, success, said) => {
    const { series } = await blackbox.same(module, `127.0.0.1:${server[way]}`);
    expect(series).toMatchObject({ probe_success: success, ...said });
  });

  test.each(Object.keys(WRITTEN))("the text of a record: %s", async (name) => {
    const { series, failure } = await blackbox.same(`written_${name}`, `127.0.0.1:${server.udp}`);
    expect([failure, series["probe_success"]]).toEqual([null, 1]);
  });

  test("a server that is not there, and one that is no server of DNS", async () => {
    await blackbox.same("a", "127.0.0.1:1");
    await blackbox.same("a_tcp", "127.0.0.1:1");
    await blackbox.same("a_tls", `127.0.0.1:${server.tcp}`);
    await blackbox.same("a", "nowhere.invalid");
  });

  test("names are as long as they may be", () => {
    expect(dnsName("a.b")).toEqual(bytes(1, 97, 1, 98, 0));
  });
});
