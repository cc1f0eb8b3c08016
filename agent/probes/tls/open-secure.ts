import { isIP, type Socket } from "node:net";
import { checkServerIdentity, connect, type PeerCertificate, type TLSSocket } from "node:tls";
import type { TlsSettings } from "../config/probe-config.ts";
import { destroyOnAbort } from "../net/open-socket.ts";
import type { ProbeRun } from "../probe-run.ts";

export type TlsWish = {
  readonly settings: TlsSettings;
  /** Whose certificate is expected where the settings name none. */
  readonly host: string;
  /** By preference; empty: not said. */
  readonly protocols: readonly string[];
};

/**
 * TLS over a connection. The socket that it returns owns the other one.
 * @throws OperationalError UNAVAILABLE for files; errors of TLS; the signal's reason
 */
export async function openSecure(
  socket: Socket,
  { settings, host, protocols }: TlsWish,
  { contexts, signal }: Pick<ProbeRun, "contexts" | "signal">,
): Promise<TLSSocket> {
  const secureContext = await contexts.of(settings);
  signal.throwIfAborted();
  const name = settings.serverName ?? host;
  const secured = connect({
    socket,
    secureContext,
    rejectUnauthorized: !settings.skipsVerification,
    servername: isIP(name) === 0 ? name : "",
    checkServerIdentity: (_host, certificate) => identityFault(name, certificate),
    ...(protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] }),
  });
  destroyOnAbort(secured, signal);
  await new Promise<void>((resolve, reject) => {
    secured.once("secureConnect", resolve);
    secured.on("error", reject); // stays, as it may fail again
    secured.once("close", () =>
      reject(new Error("The connection was closed during the handshake")),
    );
  });
  return secured;
}

/** As Go, and browsers: only the names of the extension count, not the common name. */
function identityFault(name: string, certificate: PeerCertificate): Error | undefined {
  if (certificate.subjectaltname !== undefined) return checkServerIdentity(name, certificate);
  return new Error("The certificate has no subject alternative name");
}
