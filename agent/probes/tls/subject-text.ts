/** Names of a certificate as Go writes them, which probe_ssl_last_chain_info has in its labels. */

/** Values by OpenSSL's short names; several of one name in a list. */
export type SubjectNames = Readonly<Record<string, string | readonly string[] | undefined>>;

/** In the order in which they are written; names in the certificate, and in the text. */
const ORDER: readonly (readonly [name: string, written: string])[] = [
  ["serialNumber", "SERIALNUMBER"],
  ["CN", "CN"],
  ["OU", "OU"],
  ["O", "O"],
  ["postalCode", "POSTALCODE"],
  ["street", "STREET"],
  ["L", "L"],
  ["ST", "ST"],
  ["C", "C"],
];
const ORDERED: ReadonlySet<string> = new Set(ORDER.map(([name]) => name));
/** Of these there is only one in a name: the last. */
const SINGLE: ReadonlySet<string> = new Set(["serialNumber", "CN"]);
/** What Go has no name for stands behind, by number. */
const NUMBERS: ReadonlyMap<string, string> = new Map([
  ["emailAddress", "1.2.840.113549.1.9.1"],
  ["UID", "0.9.2342.19200300.100.1.1"],
  ["DC", "0.9.2342.19200300.100.1.25"],
  ["SN", "2.5.4.4"],
  ["title", "2.5.4.12"],
  ["description", "2.5.4.13"],
  ["businessCategory", "2.5.4.15"],
  ["GN", "2.5.4.42"],
  ["initials", "2.5.4.43"],
  ["dnQualifier", "2.5.4.46"],
  ["pseudonym", "2.5.4.65"],
  ["organizationIdentifier", "2.5.4.97"],
  ["jurisdictionL", "1.3.6.1.4.1.311.60.2.1.1"],
  ["jurisdictionST", "1.3.6.1.4.1.311.60.2.1.2"],
  ["jurisdictionC", "1.3.6.1.4.1.311.60.2.1.3"],
]);
const NUMBER = /^\d+(?:\.\d+)+$/;
const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/;

export function subjectText(names: SubjectNames): string {
  const named = ORDER.flatMap(([name, written]) => {
    const values = valuesOf(names, name);
    if (values.length === 0) return [];
    const kept = SINGLE.has(name) ? values.slice(-1) : values;
    return [kept.map((value) => `${written}=${escaped(value)}`).join("+")];
  });
  const numbered = Object.keys(names).flatMap((name) => {
    const number = NUMBER.test(name) ? name : NUMBERS.get(name);
    if (ORDERED.has(name) || number === undefined) return [];
    return valuesOf(names, name).map((value) => `${number}=#${encoded(value)}`);
  });
  return [...named, ...numbered.reverse()].join(",");
}

function valuesOf(names: SubjectNames, name: string): readonly string[] {
  const given = names[name];
  if (given === undefined) return [];
  return typeof given === "string" ? [given] : given;
}

/** RFC 2253, section 2.4. */
function escaped(value: string): string {
  return value
    .replace(/[,+"\\<>;]/g, "\\$&")
    .replace(/^[ #]/, "\\$&")
    .replace(/ $/, "\\ ");
}

/** DER: tag, length, text. */
function encoded(value: string): string {
  const bytes = Buffer.from(value);
  const tag = PRINTABLE.test(value) ? 0x13 : 0x0c;
  const length = bytes.length;
  const head = length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), bytes]).toString("hex");
}

/** The names of a certificate's extension as OpenSSL lists them; some stand in quotes, as in JSON. */
export function dnsNames(subjectAltName: string): string[] {
  const names: string[] = [];
  for (const [, quoted, plain] of subjectAltName.matchAll(
    /(?:^|, )DNS:(?:("(?:[^"\\]|\\.)*")|([^,"]*))/g,
  )) {
    names.push(plain ?? String(JSON.parse(quoted ?? '""')));
  }
  return names;
}
