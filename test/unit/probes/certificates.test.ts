import { describe, expect, test } from "vitest";
import { chainFigures, type SeenCertificate } from "../../../agent/probes/tls/chain-figures.ts";
import { dnsNames, subjectText } from "../../../agent/probes/tls/subject-text.ts";
import { certificateTime, httpTime } from "../../../agent/probes/tls/written-time.ts";

function certificate(year: number, above?: SeenCertificate): SeenCertificate {
  const own = {
    subject: { CN: "x" },
    issuer: { CN: "y" },
    subjectaltname: "DNS:a, DNS:b",
    valid_to: `Jan  1 00:00:00 ${year} GMT`,
    fingerprint256: "AB:CD",
  } as unknown as SeenCertificate;
  return above === undefined ? own : { ...own, issuerCertificate: above };
}

function root(year: number): SeenCertificate {
  const self: { issuerCertificate?: SeenCertificate } = { ...certificate(year) };
  self.issuerCertificate = self as SeenCertificate;
  return self as SeenCertificate;
}

const YEAR = (year: number) => Date.UTC(year) / 1000;

describe("the figures of a chain", () => {
  test.each([
    ["the leaf's", certificate(2027, certificate(2028, root(2040))), 2027, 2027],
    ["the middle's", certificate(2029, certificate(2028, root(2040))), 2028, 2028],
    ["the authority's is not sent", certificate(2029, certificate(2028, root(2026))), 2028, 2026],
    ["one that stands for itself", root(2027), 2027, 2027],
    ["one whose issuer is not there", certificate(2027), 2027, 2027],
  ] as const)("%s", (_name, leaf, earliest, chain) => {
    const figures = chainFigures(leaf, true, "TLS 1.3");
    expect(figures.earliestExpiryS).toBe(YEAR(earliest));
    expect(figures.chainExpiryS).toBe(YEAR(chain));
    expect(chainFigures(leaf, false, "TLS 1.3").chainExpiryS).toBe(null);
  });

  test("a circle of issuers ends", () => {
    const first: { issuerCertificate?: SeenCertificate } = { ...certificate(2027) };
    const second = certificate(2028, first as SeenCertificate);
    first.issuerCertificate = second;
    expect(chainFigures(second, true, "").earliestExpiryS).toBe(YEAR(2027));
  });
});

test("a name is written as Go writes it", () => {
  const names = {
    ...{ C: "DE", ST: "X", L: "Y", street: "S", postalCode: "P", O: "Tell, tale", OU: ["a", "b"] },
    ...{
      CN: "#x ",
      serialNumber: "5",
      DC: ["d1", "d2"],
      emailAddress: "a@b",
      GN: "g",
      "1.2.3": "é",
    },
  };
  expect(subjectText(names)).toBe(
    "SERIALNUMBER=5,CN=\\#x\\ ,OU=a+OU=b,O=Tell\\, tale,POSTALCODE=P,STREET=S,L=Y,ST=X,C=DE," +
      "1.2.3=#0c02c3a9,2.5.4.42=#130167,1.2.840.113549.1.9.1=#0c03614062," +
      "0.9.2342.19200300.100.1.25=#13026432,0.9.2342.19200300.100.1.25=#13026431",
  );
  expect(subjectText({})).toBe("");
});

test("the names of a certificate are those of DNS", () => {
  expect(dnsNames("DNS:a.example, IP Address:192.0.2.1, DNS:*.b.example")).toEqual([
    "a.example",
    "*.b.example",
  ]);
  expect(dnsNames('DNS:"a, DNS:b", URI:http://DNS:x')).toEqual(["a, DNS:b"]);
  expect(dnsNames("")).toEqual([]);
});

test.each([
  ["Wed, 21 Oct 2015 07:28:00 GMT", 1_445_412_480],
  ["Wednesday, 21-Oct-15 07:28:00 GMT", 1_445_412_480],
  ["Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777],
  ["Sun Nov  6 08:49:37 1994", 784_111_777],
  ["Wed, 21 Okt 2015 07:28:00 GMT", null],
  ["yesterday", null],
  ["", null],
])("a date of HTTP: %s", (text, expected) => {
  expect(httpTime(text)).toBe(expected);
});

test("a time of OpenSSL", () => {
  expect(certificateTime("Nov  6 08:49:37 1994 GMT")).toBe(784_111_777);
  expect(certificateTime("Dec 31 23:59:59 9999 GMT")).toBe(253_402_300_799);
  expect(certificateTime("Bad time value")).toBe(null);
});
