export type Address = { readonly host: string; readonly port: number };

export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only this machine can reach the address. */
export function isLoopback({ host }: Address): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/**
 * `HOST:PORT`, or `HOST` alone where there is a port for it; an IPv6 host in brackets. Port 0 stands
 * for any that is free. Null: it is neither.
 */
export function parseAddress(text: string, defaultPort?: number): Address | null {
  const [, bracketed, plain, digits] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s/[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = digits === undefined ? defaultPort : Number(digits);
  return host === undefined || port === undefined || port > 65_535 ? null : { host, port };
}
