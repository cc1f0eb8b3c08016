export type Address = { readonly host: string; readonly port: number };

export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only this machine can reach the address. */
export function isLoopback({ host }: Address): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** `HOST:PORT`, or `HOST` alone for the given port; an IPv6 host in brackets. Null: it is neither. */
export function parseAddress(text: string, defaultPort: number): Address | null {
  const [, bracketed, plain, port = String(defaultPort)] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s/[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) return null;
  return { host, port: Number(port) };
}
