import { isIP, type Socket } from "node:net";
import {
  checkServerIdentity,
  connect,
  createSecureContext,
  type PeerCertificate,
  type TLSSocket,
} from "node:tls";
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
  { readFile, signal }: Pick<ProbeRun, "readFile" | "signal">,
): Promise<TLSSocket> {
  const read = async (path: string | null) => (path === null ? undefined : await readFile(path));
  const [ca, cert, key] = await Promise.all(
    [settings.caFile, settings.certFile, settings.keyFile].map(read),
  );
  const { minVersion, maxVersion, skipsVerification } = settings;
  // OpenSSL has these switched off otherwise.
  const isOld = minVersion === "TLSv1" || minVersion === "TLSv1.1";
  const secureContext = createSecureContext({
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(minVersion === null ? {} : { minVersion }),
    ...(maxVersion === null ? {} : { maxVersion }),
    ...(isOld ? { ciphers: "DEFAULT@SECLEVEL=0" } : {}),
  });
  const name = settings.serverName ?? host;
  const secured = connect({
    socket,
    secureContext,
    rejectUnauthorized: !skipsVerification,
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
