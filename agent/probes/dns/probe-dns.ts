import { randomInt } from "node:crypto";
import { OperationalError } from "../../../shared/errors.ts";
import type { DnsModule } from "../config/probe-config.ts";
import { chooseAddress } from "../net/choose-address.ts";
import { hostAndPort } from "../net/open-socket.ts";
import type { ProbeRun, Prober } from "../probe-run.ts";
import { nameOf, RCODES } from "./dns-codes.ts";
import { type DnsAnswer, type DnsRecord, readAnswer, writeQuery } from "./dns-message.ts";
import { exchangeDns } from "./exchange-dns.ts";
import { recordsFault } from "./record-checks.ts";
import { recordText, serialOf } from "./record-text.ts";

const SOA = 6;
const OPT = 41;
const PHASES = ["resolve", "connect", "request"] as const;

export const probeDns: Prober<DnsModule> = async (address, module, run) => {
  const { page, clock } = run;
  for (const phase of PHASES) page.set("probe_dns_duration_seconds", 0, { phase });
  for (const metric of COUNTS) page.set(metric, 0);
  const port = module.usesTls ? 853 : 53;
  const { host, ...place } = hostAndPort(address) ?? {
    host: address.replace(/^\[|\]$/g, ""),
    port,
  };
  const { ip, seconds } = await chooseAddress(host, module.ip, run);
  page.set("probe_dns_duration_seconds", seconds, { phase: "resolve" });
  const { queryName: name, queryType: type, queryClass, recursionDesired } = module;
  const id = randomInt(2 ** 16);
  const query = writeQuery(id, { name, type, class: queryClass, recursionDesired });
  const beganMs = clock.monotonicMs();
  const endpoint = { ip, port: place.port, sourceAddress: module.sourceAddress, host };
  const { answer: message, requestMs } = await exchangeDns(query, endpoint, module, run);
  const connectMs = clock.monotonicMs() - beganMs - requestMs;
  page.set("probe_dns_duration_seconds", connectMs / 1000, { phase: "connect" });
  page.set("probe_dns_duration_seconds", requestMs / 1000, { phase: "request" });
  const answer = readAnswer(message);
  if (!answer.isAnswer || answer.id !== id) {
    throw new OperationalError("PROTOCOL", "The message is no answer to the query");
  }
  judge(message, answer, module, run);
};

const COUNTS = [
  "probe_dns_answer_rrs",
  "probe_dns_authority_rrs",
  "probe_dns_additional_rrs",
  "probe_dns_query_succeeded",
] as const;

/** @throws OperationalError UNAVAILABLE with the first fault of the answer */
function judge(message: Buffer, answer: DnsAnswer, module: DnsModule, { page }: ProbeRun): void {
  page.set("probe_dns_query_succeeded", 1);
  page.set("probe_dns_answer_rrs", answer.answers.length);
  page.set("probe_dns_authority_rrs", answer.authority.length);
  page.set("probe_dns_additional_rrs", answer.additional.length);
  if (module.queryType === SOA) {
    const soa = answer.answers.findLast(({ type }) => type === SOA);
    page.set("probe_dns_serial", soa === undefined ? 0 : serialOf(message, soa));
  }
  if (!module.validRcodes.includes(answer.rcode)) {
    const code = nameOf(RCODES, answer.rcode) ?? String(answer.rcode);
    throw new OperationalError("UNAVAILABLE", `The server answered ${code}`);
  }
  const texts = (records: readonly DnsRecord[]) =>
    // The record of EDNS is of no zone.
    records.map((record) => (record.type === OPT ? "" : recordText(message, record)));
  const fault =
    recordsFault(texts(answer.answers), module.answer, "answer") ??
    recordsFault(texts(answer.authority), module.authority, "authority") ??
    recordsFault(texts(answer.additional), module.additional, "additional");
  if (fault !== null) throw new OperationalError("UNAVAILABLE", fault);
}
