import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import type { ProbePage } from "../page/probe-page.ts";
import { dnsNames, type SubjectNames, subjectText } from "./subject-text.ts";
import { certificateTime } from "./written-time.ts";

/** What a page says of a certificate, and the chain up from it. */
export type ChainFigures = {
  readonly version: string;
  /** Of those that the server sent. Unix seconds. */
  readonly earliestExpiryS: number;
  /** Of the chain that was verified; null: none was. */
  readonly chainExpiryS: number | null;
  readonly info: Readonly<Record<string, string>>;
};

/** The part of Node's certificate that is read. */
export type SeenCertificate = Pick<
  DetailedPeerCertificate,
  "subject" | "issuer" | "subjectaltname" | "valid_to" | "fingerprint256"
> & { readonly issuerCertificate?: SeenCertificate };

/** As Go's zero time. */
const YEAR_1_S = -62_135_596_800;
/** Longer chains are cut: OpenSSL verifies none of more than 100. */
const CHAIN_MAX = 128;
const LABEL_LENGTH_MAX = 4096;
const VERSIONS: Readonly<Record<string, string>> = {
  TLSv1: "TLS 1.0",
  "TLSv1.1": "TLS 1.1",
  "TLSv1.2": "TLS 1.2",
  "TLSv1.3": "TLS 1.3",
};

export function figuresOf(socket: TLSSocket): ChainFigures {
  const isVerified = socket.authorized;
  const version = VERSIONS[socket.getProtocol() ?? ""] ?? "unknown";
  return chainFigures(socket.getPeerCertificate(true), isVerified, version);
}

/**
 * Node has the chain as far as it could be built, so that its last one may be of the authorities that
 * are trusted, and not of those that were sent: one that stands for itself, at the end, counts only
 * for the chain.
 */
export function chainFigures(
  leaf: SeenCertificate,
  isVerified: boolean,
  version: string,
): ChainFigures {
  const chain = chainOf(leaf);
  const expiries = chain.map(({ valid_to: until }) => certificateTime(until) ?? YEAR_1_S);
  const last = chain.at(-1);
  const isRooted = last !== undefined && isSelfIssued(last);
  const sent = expiries.slice(0, isRooted && chain.length > 1 ? -1 : undefined);
  const { subject, issuer, subjectaltname = "", fingerprint256 = "" } = leaf;
  const cut = (text: string) => text.slice(0, LABEL_LENGTH_MAX);
  return {
    version,
    earliestExpiryS: Math.min(...sent),
    chainExpiryS: isVerified ? Math.min(...expiries) : null,
    info: {
      fingerprint_sha256: fingerprint256.replaceAll(":", "").toLowerCase(),
      subject: cut(subjectText(subject as unknown as SubjectNames)),
      issuer: cut(subjectText(issuer as unknown as SubjectNames)),
      subjectalternative: cut(dnsNames(subjectaltname).join(",")),
    },
  };
}

function chainOf(leaf: SeenCertificate): SeenCertificate[] {
  const chain: SeenCertificate[] = [];
  for (let next: SeenCertificate | undefined = leaf; next !== undefined; ) {
    chain.push(next);
    const above: SeenCertificate | undefined = next.issuerCertificate;
    // The one that stands for itself is its own issuer.
    if (above === next || chain.length === CHAIN_MAX) break;
    next = above;
  }
  return chain;
}

function isSelfIssued(certificate: SeenCertificate): boolean {
  return certificate.issuerCertificate === certificate;
}

export function setChain(page: ProbePage, figures: ChainFigures): void {
  page.set("probe_ssl_last_chain_expiry_timestamp_seconds", figures.chainExpiryS ?? YEAR_1_S);
  setCertificate(page, figures);
}

/** All that blackbox_exporter says of a server of gRPC. */
export function setCertificate(page: ProbePage, figures: ChainFigures): void {
  page.set("probe_ssl_earliest_cert_expiry", figures.earliestExpiryS);
  page.set("probe_ssl_last_chain_info", 1, figures.info);
  page.set("probe_tls_version_info", 1, { version: figures.version });
}

/** Of the server that was probed, where another one has answered in the end. */
export function setFirstHop(page: ProbePage, figures: ChainFigures): void {
  const { earliestExpiryS, chainExpiryS, info } = figures;
  page.set("probe_ssl_first_hop_earliest_cert_expiry", earliestExpiryS);
  page.set("probe_ssl_first_hop_chain_expiry_timestamp_seconds", chainExpiryS ?? YEAR_1_S);
  page.set("probe_ssl_first_hop_chain_info", 1, info);
}
