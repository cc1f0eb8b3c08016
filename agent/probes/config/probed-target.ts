import { TYPES } from "../dns/dns-codes.ts";
import { hostAndPort } from "../net/open-socket.ts";
import { moduleSchema } from "./module-schema.ts";
import type { Modules, ProbeConfig, ProbeModule } from "./probe-config.ts";

type Probed = Pick<ProbeConfig, "address" | "module">;

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is;
/** By scheme: the module that is taken where none is named, and what it is where nobody defines it. */
const BY_SCHEME: ReadonlyMap<string, readonly [name: string, raw: object]> = new Map([
  ["http", ["http_2xx", { prober: "http" }]],
  ["https", ["http_2xx", { prober: "http" }]],
  ["tcp", ["tcp_connect", { prober: "tcp" }]],
  ["tls", ["tls_connect", { prober: "tcp", tcp: { tls: true } }]],
  ["icmp", ["icmp", { prober: "icmp" }]],
  ["grpc", ["grpc_plain", { prober: "grpc" }]],
  ["grpcs", ["grpc", { prober: "grpc", grpc: { tls: true } }]],
]);
const SCHEMES = [...BY_SCHEME.keys(), "dns"].map((scheme) => `${scheme}://`).join(", ");
const DNS_NAME = /^[^\s/?#]{1,255}$/;

/**
 * What is probed, and how: by the module that is named, or else the one of the target's scheme. A
 * module that the configuration defines stands in place of one of the same name here.
 * @returns why there is none, where that is so
 */
export function probedTarget(
  target: string,
  moduleName: string | null,
  modules: Modules,
): Probed | string {
  const [, given = "", rest = target] = SCHEME.exec(target) ?? [];
  const scheme = given.toLowerCase();
  if (moduleName !== null) {
    const module = modules.get(moduleName) ?? builtIn(moduleName);
    return module === null
      ? noModule(moduleName, modules)
      : probed(module, addressFor(module, target, scheme, rest));
  }
  if (scheme === "dns") return dnsTarget(rest, modules.get("dns") ?? null);
  const [name, raw] = BY_SCHEME.get(scheme) ?? [];
  if (name === undefined) return `without a module it must begin with one of ${SCHEMES}`;
  const defined = modules.get(name);
  const module = defined ?? moduleOf(raw ?? {});
  return probed(module, addressFor(module, target, scheme, rest));
}

function probed(module: ProbeModule, address: string): Probed | string {
  if (module.prober === "tcp" && hostAndPort(address) === null) return "must have HOST:PORT";
  if (module.prober !== "http" && /[\s/?#@]/.test(address)) return "must have a host, and no path";
  return { address, module };
}

/** Of HTTP the URL is the address; the others have no use for a scheme. */
function addressFor(module: ProbeModule, target: string, scheme: string, rest: string): string {
  if (module.prober === "http") return target;
  return BY_SCHEME.has(scheme) || scheme === "dns" ? rest.replace(/\/$/, "") : target;
}

function builtIn(name: string): ProbeModule | null {
  for (const [known, raw] of BY_SCHEME.values()) if (known === name) return moduleOf(raw);
  return null;
}

function noModule(name: string, modules: Modules): string {
  const known = [...new Set([...modules.keys(), ...[...BY_SCHEME.values()].map(([one]) => one)])];
  return `there is no module "${name}" in probe_modules; there are ${known.sort().join(", ")}`;
}

function moduleOf(raw: object): ProbeModule {
  return moduleSchema((path) => path).parse(raw);
}

/** `SERVER[:PORT]/NAME?type=TYPE` */
function dnsTarget(rest: string, defined: ProbeModule | null): Probed | string {
  const [, server = "", name = "", query = ""] = /^([^/]+)\/([^?]*)(?:\?(.*))?$/.exec(rest) ?? [];
  if (!DNS_NAME.test(name)) return "must be dns://SERVER/NAME, or dns://SERVER/NAME?type=A";
  const [, type = query === "" ? "A" : ""] = /^type=(\w+)$/.exec(query) ?? [];
  const queryType = TYPES.get(type.toUpperCase());
  if (queryType === undefined) return `?type= must be one of ${[...TYPES.keys()].join(", ")}`;
  const base = defined ?? moduleOf({ prober: "dns", dns: { query_name: name } });
  if (base.prober !== "dns") return `the module "dns" is of another prober`;
  return probed({ ...base, dns: { ...base.dns, queryName: name, queryType } }, server);
}
