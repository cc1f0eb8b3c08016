import { errorMessage, OperationalError, systemCode } from "../../shared/errors.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import { readRegularFile } from "../../shared/platform/regular-file.ts";
import type { BodyLease } from "../model/body-room.ts";
import type { ProbeConfig, ProbeModule } from "./config/probe-config.ts";
import { probeDns } from "./dns/probe-dns.ts";
import { probeGrpc } from "./grpc/probe-grpc.ts";
import { probeHttp } from "./http/probe-http.ts";
import { probeIcmp } from "./icmp/probe-icmp.ts";
import { ProbePage } from "./page/probe-page.ts";
import type { ProbeRun } from "./probe-run.ts";
import { probeTcp } from "./tcp/probe-tcp.ts";
import type { SecureContexts } from "./tls/secure-contexts.ts";

export type ProbeResult = {
  /** In the text format. */
  readonly page: string;
  /** Why it failed; null: it succeeded. */
  readonly failure: string | null;
};

export type ProbePorts = {
  readonly clock: Clock;
  /** Of the body that it may read. */
  readonly lease: BodyLease;
  readonly contexts: SecureContexts;
};

/** Room for all authorities of a system in one file. */
const FILE_BYTES_MAX = 1024 ** 2;
const FAILURE_LENGTH_MAX = 500;

/**
 * Probes once. Whatever the target does, there is a page, at the latest when the time is over.
 * @throws the signal's reason when it is aborted; what is a bug
 */
export async function runProbe(
  { address, module, timeoutMs }: Pick<ProbeConfig, "address" | "module" | "timeoutMs">,
  { clock, lease, contexts }: ProbePorts,
  signal: AbortSignal,
): Promise<ProbeResult> {
  signal.throwIfAborted();
  const page = new ProbePage();
  const beganMs = clock.monotonicMs();
  const end = new AbortController();
  const abort = () => end.abort(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  clock.sleep(timeoutMs, end.signal).then(
    () => end.abort(new OperationalError("UNAVAILABLE", `Not done within ${timeoutMs} ms`)),
    () => {}, // ended in time
  );
  let failure: string | null = null;
  try {
    await probe(address, module, { page, clock, lease, contexts, signal: end.signal, readFile });
  } catch (error) {
    signal.throwIfAborted();
    failure = failureText(end.signal.aborted ? end.signal.reason : error);
  } finally {
    signal.removeEventListener("abort", abort);
    end.abort(new OperationalError("UNAVAILABLE", "The probe has ended"));
  }
  page.set("probe_success", failure === null ? 1 : 0);
  page.set("probe_duration_seconds", (clock.monotonicMs() - beganMs) / 1000);
  return { page: page.text(), failure };
}

async function probe(address: string, module: ProbeModule, run: ProbeRun): Promise<void> {
  switch (module.prober) {
    case "http":
      return await probeHttp(address, module.http, run);
    case "tcp":
      return await probeTcp(address, module.tcp, run);
    case "dns":
      return await probeDns(address, module.dns, run);
    case "grpc":
      return await probeGrpc(address, module.grpc, run);
    case "icmp":
      return await probeIcmp(address, module.icmp, run);
  }
}

/** What the other side wrote may be in it: bounded, on one line. @throws what is a bug */
function failureText(error: unknown): string {
  const isBug = error instanceof TypeError && systemCode(error) === null;
  if (isBug || !(error instanceof Error)) throw error;
  const text = errorMessage(error) || (systemCode(error) ?? "unknown");
  return text.replace(/\p{Cc}+/gu, " ").slice(0, FAILURE_LENGTH_MAX);
}

async function readFile(path: string): Promise<string> {
  let found: Awaited<ReturnType<typeof readRegularFile>>;
  try {
    found = await readRegularFile(path, FILE_BYTES_MAX);
  } catch (cause) {
    const message = `${path} cannot be read: ${systemCode(cause) ?? errorMessage(cause)}`;
    throw new OperationalError("UNAVAILABLE", message, { cause });
  }
  if (found !== null && found !== "too large") return found.bytes.toString("utf8");
  const why = found === null ? "not a file" : `larger than ${FILE_BYTES_MAX} bytes`;
  throw new OperationalError("UNAVAILABLE", `${path}: ${why}`);
}
