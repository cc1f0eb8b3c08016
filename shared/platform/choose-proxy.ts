/** Which proxy a request goes through, by the rules of Go's golang.org/x/net/http/httpproxy. */

import { BlockList, isIP } from "node:net";
import type { ConnectionOptions } from "./http-client.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Null: none. A proxy without a scheme is one of HTTP. */
export function chooseProxy(
  target: URL,
  options: Pick<ConnectionOptions, "proxyUrl" | "noProxy" | "proxyFromEnvironment">,
  environment: Environment,
): string | null {
  const { proxyUrl, noProxy, proxyFromEnvironment } = options;
  if (!proxyFromEnvironment) {
    return proxyUrl === null || (noProxy !== "" && isExempt(target, noProxy)) ? null : proxyUrl;
  }
  const read = (name: string) => environment[name.toUpperCase()] || environment[name] || "";
  const proxy = read(target.protocol === "https:" ? "https_proxy" : "http_proxy");
  if (proxy === "" || isExempt(target, read("no_proxy"))) return null;
  return proxy.includes("://") ? proxy : `http://${proxy}`;
}

function isExempt(target: URL, noProxy: string): boolean {
  const host = target.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = target.port || (target.protocol === "https:" ? "443" : "80");
  const isLoopback = host === "localhost" || isInSubnet(host, "127.0.0.0/8") || host === "::1";
  return isLoopback || noProxy.split(",").some((entry) => matches(entry.trim(), host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  if (entry === "") return false;
  if (entry.includes("/")) return isInSubnet(host, entry);
  const [, bracketed, plain, entryPort] = /^(?:\[(.+)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
  const name = (bracketed ?? plain ?? entry).toLowerCase(); // an IPv6 address is all colons
  if (entryPort !== undefined && entryPort !== port) return false;
  if (/^\*?\./.test(name)) return host.endsWith(name.replace("*", ""));
  return host === name || (isIP(name) === 0 && host.endsWith(`.${name}`));
}

function isInSubnet(host: string, subnet: string): boolean {
  const [address = "", prefix = ""] = subnet.split("/");
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  const bits = Number(prefix);
  const isSubnet = isIP(address) !== 0 && /^\d{1,3}$/.test(prefix);
  if (!isSubnet || bits > (family === "ipv6" ? 128 : 32) || isIP(host) !== isIP(address)) {
    return false;
  }
  const list = new BlockList();
  list.addSubnet(address, bits, family);
  return list.check(host, family);
}
