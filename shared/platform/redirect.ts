import { lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { OperationalError } from "../errors.ts";

const STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
export const REDIRECTS_MAX = 10;
const LOCATION_LENGTH_MAX = 4096;

/**
 * Where an answer sends the request; null: it is the answer itself.
 * @throws OperationalError UNAVAILABLE where it must not be followed
 */
export function redirectOf(
  { status, location }: { readonly status: number; readonly location: string | null },
  from: URL,
): URL | null {
  if (!STATUSES.has(status) || location === null || location === "") return null;
  if (location.length > LOCATION_LENGTH_MAX || !URL.canParse(location, from.href)) {
    throw refused("Redirected to what is not a URL");
  }
  const next = new URL(location, from);
  if (!/^https?:$/.test(next.protocol)) throw refused("Redirected to what is not HTTP");
  return next;
}

/** Another host must not learn secrets, nor must whoever listens once they are in the clear. */
export function keepsSecrets(from: URL, next: URL): boolean {
  const isInTheClear = from.protocol === "https:" && next.protocol === "http:";
  return next.hostname === from.hostname && !isInTheClear;
}

/**
 * Where clouds tell a machine its credentials: only those who are configured to may ask there, and no
 * target sends anyone there.
 */
export function isMetadataAddress(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, "");
  const family = isIP(address);
  if (family === 0) return false;
  const list = new BlockList();
  list.addSubnet("169.254.0.0", 16, "ipv4");
  list.addAddress("fd00:ec2::254", "ipv6");
  return list.check(address, family === 6 ? "ipv6" : "ipv4");
}

/** @throws OperationalError UNAVAILABLE for such an address */
export function refuseMetadata(hostname: string): void {
  if (isMetadataAddress(hostname)) throw refused("Redirected to a link-local address");
}

/** Looks a name up, and refuses what it is when that is such an address. */
export const lookupElsewhere: LookupFunction = (hostname, options, done) => {
  lookup(hostname, options, (error, found, family) => {
    const addresses = typeof found === "string" ? [{ address: found }] : (found ?? []);
    if (error === null && addresses.some(({ address }) => isMetadataAddress(address))) {
      done(refused("Redirected to a name of a link-local address"), found, family);
    } else {
      done(error, found, family);
    }
  });
};

function refused(message: string): OperationalError {
  return new OperationalError("UNAVAILABLE", message);
}
