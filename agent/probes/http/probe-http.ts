import { errorMessage, OperationalError } from "../../../shared/errors.ts";
import { keepsSecrets, redirectOf } from "../../../shared/platform/redirect.ts";
import type { HttpModule } from "../config/probe-config.ts";
import { chooseAddress } from "../net/choose-address.ts";
import type { ProbePage } from "../page/probe-page.ts";
import type { ProbeRun, Prober } from "../probe-run.ts";
import { type ChainFigures, setChain, setFirstHop } from "../tls/chain-figures.ts";
import { httpTime } from "../tls/written-time.ts";
import {
  bodyFault,
  checksBody,
  type Fault,
  headersFault,
  statusFault,
  tlsFault,
  versionFault,
} from "./answer-checks.ts";
import { CookieJar } from "./cookie-jar.ts";
import { headerOf } from "./http-exchange.ts";
import { askHop, bareHost, type Hop, type HopAnswer } from "./http-hop.ts";
import { firstHeaders, namedHost, nextHeaders } from "./probe-headers.ts";
import { HttpTimes } from "./probe-times.ts";
import { readBody } from "./read-body.ts";

const REDIRECTS_MAX = 10;

/** The answer that counts, after all redirects that were followed. */
type LastAnswer = {
  readonly answer: HopAnswer;
  /** One that is not followed further; its body is not read. */
  readonly isRedirect: boolean;
  readonly firstChain: ChainFigures | null;
  readonly hops: number;
};

export const probeHttp: Prober<HttpModule> = async (address, module, run) => {
  const { page } = run;
  for (const metric of NOTHING_YET) page.set(metric, 0);
  const times = new HttpTimes();
  try {
    const last = await follow(firstUrl(address), module, run, times);
    await judge(last, module, run, times);
  } finally {
    times.set(page);
  }
};

const NOTHING_YET = [
  "probe_failed_due_to_regex",
  "probe_http_content_length",
  "probe_http_redirects",
  "probe_http_ssl",
  "probe_http_status_code",
  "probe_http_uncompressed_body_length",
  "probe_http_version",
] as const;

/** One without a scheme is of HTTP. */
function firstUrl(address: string): URL {
  const text = /^https?:\/\//.test(address) ? address : `http://${address}`;
  if (URL.canParse(text)) return new URL(text);
  throw new OperationalError("UNAVAILABLE", "The target is not a URL");
}

async function follow(
  url: URL,
  module: HttpModule,
  run: ProbeRun,
  times: HttpTimes,
): Promise<LastAnswer> {
  const jar = new CookieJar();
  let hop = await firstHop(url, module, run, times);
  let firstChain: ChainFigures | null = null;
  for (let redirects = 0; ; redirects += 1) {
    const answer = await askHop(hop, module, run, times);
    if (hop.isFirst) firstChain = answer.chain;
    const location = headerOf(answer, "location") || null;
    const next = nextUrl(answer, location, hop.url, () => {
      run.page.set("probe_http_redirects", redirects + 1);
    });
    const found = { answer, firstChain, hops: redirects };
    if (next === null) return { ...found, isRedirect: false };
    if (!module.followsRedirects || redirects === REDIRECTS_MAX) {
      answer.body.destroy();
      return { ...found, isRedirect: true };
    }
    const cookies = answer.headers.filter(([name]) => name === "set-cookie");
    jar.take(
      hop.url,
      cookies.map(([, line]) => line),
    );
    answer.body.destroy();
    const isWithin = location !== null && !/^(?:[a-z][a-z\d+.-]*:|\/\/)/i.test(location);
    const onward = nextHop(hop, next, answer.status, jar);
    hop = isWithin ? { ...onward, host: hop.host } : onward;
  }
}

/** @throws OperationalError UNAVAILABLE where it must not be followed, which counts all the same */
function nextUrl(
  { status }: HopAnswer,
  location: string | null,
  from: URL,
  onRedirect: () => void,
): URL | null {
  try {
    const next = redirectOf({ status, location }, from);
    if (next !== null) onRedirect();
    return next;
  } catch (error) {
    onRedirect();
    throw error;
  }
}

async function firstHop(
  url: URL,
  module: HttpModule,
  run: ProbeRun,
  times: HttpTimes,
): Promise<Hop> {
  let ip: string | null = null;
  if (!module.proxyResolves) {
    times.add("resolve", 0); // in case that there is no address
    const chosen = await chooseAddress(bareHost(url), module.ip, run);
    times.add("resolve", chosen.seconds);
    ip = chosen.ip;
  }
  times.begin();
  const headers = await firstHeaders(url, module, run.readFile);
  const { method, body } = module;
  return { url, ip, isFirst: true, method, host: namedHost(module) ?? url.host, headers, body };
}

/** As browsers and Go: only 307 and 308 keep method and body. */
function nextHop(from: Hop, url: URL, status: number, jar: CookieJar): Hop {
  const isKept = status === 307 || status === 308;
  const { method, body } = isKept
    ? from
    : { method: from.method === "HEAD" ? "HEAD" : "GET", body: "" };
  const cookies = jar.headerFor(url);
  const headers = {
    ...nextHeaders(from.headers, keepsSecrets(from.url, url)),
    ...(body === "" ? {} : { "Content-Length": String(Buffer.byteLength(body)) }),
    ...(cookies === "" ? {} : { Cookie: cookies }),
  };
  return { url, ip: null, isFirst: false, method, host: url.host, headers, body };
}

/** @throws OperationalError UNAVAILABLE with the first fault of the answer */
async function judge(
  last: LastAnswer,
  module: HttpModule,
  run: ProbeRun,
  times: HttpTimes,
): Promise<void> {
  const { answer, isRedirect } = last;
  const { page, clock } = run;
  setHead(page, last);
  let fault: Fault = statusFault(answer.status, module);
  if (fault === null) {
    fault = headersFault(answer.headers, module);
    if (fault !== null) page.set("probe_failed_due_to_regex", 1);
  }
  if (!isRedirect) {
    fault = await bodyRead(answer, fault, module, run);
    times.add("transfer", (clock.monotonicMs() - answer.headMs) / 1000);
  }
  fault ??= versionFault(answer.version, module) ?? tlsFault(answer.chain !== null, module);
  if (fault !== null) throw new OperationalError("UNAVAILABLE", fault);
}

function setHead(page: ProbePage, { answer, firstChain, hops }: LastAnswer): void {
  const { status, version, chain } = answer;
  page.set("probe_http_status_code", status);
  page.set("probe_http_version", Number(version.replace("HTTP/", "")));
  page.set("probe_http_content_length", contentLength(answer));
  page.set("probe_http_ssl", Number(chain !== null));
  if (chain !== null) setChain(page, chain);
  if (hops > 0 && firstChain !== null) setFirstHop(page, firstChain);
  const modified = httpTime(headerOf(answer, "last-modified"));
  if (modified !== null) page.set("probe_http_last_modified_timestamp_seconds", modified);
}

/** The body is read whatever the fault before it is, and checked where there was none. */
async function bodyRead(
  { body: source }: HopAnswer,
  before: Fault,
  module: HttpModule,
  { page, lease }: ProbeRun,
): Promise<Fault> {
  const isMatched = before === null && checksBody(module);
  const { compression, bodyBytesMax: bytesMax } = module;
  const body = await readBody(source, { compression, bytesMax, isKept: isMatched, lease });
  page.set("probe_http_uncompressed_body_length", body.length);
  const failure = body.failure === null ? null : `The body: ${errorMessage(body.failure)}`;
  const found = isMatched ? (failure ?? bodyFault(body.bytes.toString(), module)) : failure;
  if (isMatched && found !== null) page.set("probe_failed_due_to_regex", 1);
  return before ?? found;
}

/** As Go has it: -1 where the answer does not say. */
function contentLength(answer: HopAnswer): number {
  const { status } = answer;
  const header = headerOf(answer, "content-length");
  if (/^\d{1,15}$/.test(header)) return Number(header);
  return status === 204 || status === 304 ? 0 : -1;
}
