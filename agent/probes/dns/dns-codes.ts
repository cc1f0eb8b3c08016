/** Names of the numbers in a message of DNS. Source: IANA, "Domain Name System (DNS) Parameters". */

export const TYPES: ReadonlyMap<string, number> = new Map([
  ["A", 1],
  ["NS", 2],
  ["CNAME", 5],
  ["SOA", 6],
  ["PTR", 12],
  ["HINFO", 13],
  ["MX", 15],
  ["TXT", 16],
  ["RP", 17],
  ["AAAA", 28],
  ["LOC", 29],
  ["SRV", 33],
  ["NAPTR", 35],
  ["DNAME", 39],
  ["OPT", 41],
  ["DS", 43],
  ["SSHFP", 44],
  ["RRSIG", 46],
  ["NSEC", 47],
  ["DNSKEY", 48],
  ["NSEC3", 50],
  ["NSEC3PARAM", 51],
  ["TLSA", 52],
  ["CDS", 59],
  ["CDNSKEY", 60],
  ["OPENPGPKEY", 61],
  ["SVCB", 64],
  ["HTTPS", 65],
  ["SPF", 99],
  ["ANY", 255],
  ["URI", 256],
  ["CAA", 257],
]);

export const CLASSES: ReadonlyMap<string, number> = new Map([
  ["IN", 1],
  ["CS", 2],
  ["CH", 3],
  ["HS", 4],
  ["NONE", 254],
  ["ANY", 255],
]);

export const RCODES: ReadonlyMap<string, number> = new Map([
  ["NOERROR", 0],
  ["FORMERR", 1],
  ["SERVFAIL", 2],
  ["NXDOMAIN", 3],
  ["NOTIMP", 4],
  ["REFUSED", 5],
  ["YXDOMAIN", 6],
  ["YXRRSET", 7],
  ["NXRRSET", 8],
  ["NOTAUTH", 9],
  ["NOTZONE", 10],
]);

/** The name of a number, or the number where it has none. */
export function nameOf(names: ReadonlyMap<string, number>, code: number): string | null {
  for (const [name, value] of names) if (value === code) return name;
  return null;
}
