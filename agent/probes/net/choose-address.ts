import { type LookupAddress, lookup } from "node:dns";
import { isIP } from "node:net";
import { OperationalError } from "../../../shared/errors.ts";
import type { IpChoice } from "../config/probe-config.ts";
import type { ProbeRun } from "../probe-run.ts";
import { addressHash } from "./address-hash.ts";

export type ChosenAddress = { readonly ip: string; readonly seconds: number };

/**
 * The address of a host that is probed, which the page tells of.
 * @throws OperationalError UNAVAILABLE when it has none of the kind that is wanted
 */
export async function chooseAddress(
  host: string,
  choice: IpChoice,
  { page, clock, signal }: ProbeRun,
): Promise<ChosenAddress> {
  page.set("probe_ip_protocol", 0);
  page.set("probe_ip_addr_hash", 0);
  const beganMs = clock.monotonicMs();
  const elapsed = () => (clock.monotonicMs() - beganMs) / 1000;
  try {
    const found = await addressesOf(host, signal);
    const wanted = choice.preferred === "ip6" ? 6 : 4;
    const ofKind = found.find(({ family }) => family === wanted);
    const chosen = ofKind ?? (choice.fallsBack ? found[0] : undefined);
    if (chosen === undefined) {
      throw new OperationalError("UNAVAILABLE", `${host}: no address of IPv${wanted}`);
    }
    page.set("probe_ip_protocol", chosen.family);
    page.set("probe_ip_addr_hash", addressHash(chosen.address));
    return { ip: chosen.address, seconds: elapsed() };
  } finally {
    page.set("probe_dns_lookup_time_seconds", elapsed());
  }
}

/** All of them, in the system's order; a lookup under way cannot be ended, only left. */
export async function addressesOf(host: string, signal: AbortSignal): Promise<LookupAddress[]> {
  const family = isIP(host.split("%")[0] ?? "");
  if (family !== 0) return [{ address: host, family }];
  signal.throwIfAborted();
  return await new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    lookup(host, { all: true, verbatim: true }, (error, addresses) => {
      signal.removeEventListener("abort", abort);
      if (error === null) resolve(addresses);
      else {
        const message = `${host} cannot be looked up: ${error.code ?? error.message}`;
        reject(new OperationalError("UNAVAILABLE", message, { cause: error }));
      }
    });
  });
}
